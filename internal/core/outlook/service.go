package outlook

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// How much an overview lists.
const (
	// payers are followed by day, and looked at for anomalies, as are operations.
	payers = 30
	// dearestLines are listed; comparedLines are looked at for movers.
	dearestLines  = 8
	comparedLines = 500
	movers        = 5
)

// Spend answers questions of cost within what the actor may see.
type Spend interface {
	Answer(ctx context.Context, now time.Time, actor identity.Actor, q spend.Query) (spend.Answer, error)
}

// Payer is a user or a group, and what it spent.
type Payer struct {
	Key          string
	Cost, Before cost.Nanos
	// Days is its spend by day of the period; nil for those that are not among the dearest.
	Days []cost.Nanos
}

// Line is a line of code that created work.
type Line struct {
	// Place is file:line.
	Place        string
	Cost, Before cost.Nanos
	// Operation and Payer are what and whose most of it was; Cluster is the one that spent most on it.
	Operation, Payer string
	Cluster          cluster.ID
}

// File and Number are the parts of the line's place.
func (l Line) File() string {
	file, _ := cutLast(l.Place)
	return file
}

// Number is the line's number in its file, as text.
func (l Line) Number() string {
	_, number := cutLast(l.Place)
	return number
}

func cutLast(place string) (file, number string) {
	i := strings.LastIndexByte(place, ':')
	if i < 0 {
		return place, ""
	}
	return place[:i], place[i+1:]
}

// Asked is a question that an overview was made from, so that every figure can be traced.
type Asked struct {
	// About says which figures it stands behind.
	About  string
	Answer spend.Answer
}

// Overview is what was spent in a period, and what to think of it.
type Overview struct {
	Period
	// Until is how far the period has come; what it is compared with is [BeforeSince, BeforeUntil).
	Until, BeforeSince, BeforeUntil time.Time
	// AsOf is when the oldest of the answers that this is made from was made.
	AsOf          time.Time
	Currency      cost.Currency
	Total, Before cost.Nanos
	// Waste, Unseen: what brought nothing, and what nobody observed. WasteBefore is that of the period before.
	Waste, WasteBefore, Unseen cost.Nanos
	Clusters                   int
	// First is the first day of the period; Days is what was spent on each day since. Past is what was spent on the days before it, from the first on which anything was.
	First time.Time
	Days  []cost.Nanos
	Past  Series
	// Forecast is nil where there is none, and NoForecast then says why.
	Forecast   *Forecast
	NoForecast string
	Split      []Part
	// By is what payers are: "user" or "group".
	By     spend.Dimension
	Payers []Payer
	// Lines are the dearest; all RestLines others cost Rest. LinesTotal is the work of all lines.
	Lines      []Line
	Rest       cost.Nanos
	RestLines  int
	LinesTotal cost.Nanos
	// Movers by dimension.
	Movers    map[spend.Dimension][]Change
	Anomalies []Anomaly
	// Notes say in sentences what else a reader should know, as of days whose detail was lost.
	Notes []string
	Asked []Asked
}

// Service makes overviews.
type Service struct{ spend Spend }

// NewService makes a Service.
func NewService(s Spend) *Service { return &Service{spend: s} }

// Overview answers what an actor may see of a period. Only filters nothing if it is empty.
func (s *Service) Overview(ctx context.Context, now time.Time, actor identity.Actor, p Period, only ...spend.Filter) (Overview, error) {
	o := Overview{Period: p, Until: p.Until(now), AsOf: now, First: dayOf(p.Since, p.Zone), Movers: map[spend.Dimension][]Change{}}
	o.BeforeSince, o.BeforeUntil = p.Before(now)
	a := &asker{spend: s.spend, now: now, actor: actor, zone: p.Zone, only: only}
	if !p.Since.Before(o.Until) {
		return s.future(ctx, a, o)
	}
	history := startOf(o.First.AddDate(0, 0, -MaxHistory), p.Zone)
	here, before := window{p.Since, o.Until}, window{o.BeforeSince, o.BeforeUntil}
	work := spend.Filter{Dimension: "kind", Values: []string{bill.KindWork}}
	var byDay, split, splitBefore, groups, groupsBefore, users, usersBefore, lines, linesBefore, clusters spend.Answer
	questions := []question{
		{&byDay, "spend by day, and the forecast", window{history, o.Until}, 0, nil, []spend.Dimension{"day"}},
		{&split, "where the money went", here, 0, nil, []spend.Dimension{"kind", "operation"}},
		{&splitBefore, "where it went before", before, 0, nil, []spend.Dimension{"kind", "operation"}},
		{&groups, "spend by group", here, 0, nil, []spend.Dimension{"group"}},
		{&groupsBefore, "spend by group before", before, 0, nil, []spend.Dimension{"group"}},
		{&users, "spend by user", here, 0, nil, []spend.Dimension{"user"}},
		{&usersBefore, "spend by user before", before, 0, nil, []spend.Dimension{"user"}},
		{&lines, "the dearest lines", here, comparedLines, []spend.Filter{work}, []spend.Dimension{"line"}},
		{&linesBefore, "the dearest lines before", before, comparedLines, []spend.Filter{work}, []spend.Dimension{"line"}},
	}
	if len(only) > 0 {
		// Answers count the clusters of the whole window.
		questions = append(questions, question{&clusters, "how many clusters ran", here, 1, nil, []spend.Dimension{"cluster"}})
	}
	if err := a.all(ctx, questions...); err != nil {
		return Overview{}, err
	}
	o.Currency, o.Total, o.Before, o.Clusters = split.Currency, split.Total, splitBefore.Total, split.Clusters
	if len(only) > 0 {
		o.Clusters = len(clusters.Rows) + clusters.RestRows
	}
	o.split(split, splitBefore)
	o.Notes = spend.Notes(split.Losses, split.Currency)
	series := seriesOf(byDay, dayOf(history, p.Zone), dayOf(o.Until.Add(-1), p.Zone))
	from := series.Index(o.First)
	o.Days, o.Past = series.Days[from:], Series{First: series.First, Days: series.Days[:from]}.trimmed()
	o.forecast(now, series)
	// Where one group paid for all of it, its people say more.
	if a.grouped(groups) && (len(groups.Rows) > 1 || len(users.Rows) <= 1) {
		o.By = "group"
		o.payers(groups, groupsBefore)
		o.Movers["group"] = Movers(costsOf(groups), costsOf(groupsBefore), movers)
	} else {
		o.By = "user"
		o.payers(users, usersBefore)
	}
	if len(users.Rows) > 1 || len(usersBefore.Rows) > 1 {
		o.Movers["user"] = Movers(costsOf(users), costsOf(usersBefore), movers)
	}
	if err := o.deeper(ctx, a, series, lines, linesBefore); err != nil {
		return Overview{}, err
	}
	o.Asked = a.asked
	for _, asked := range a.asked {
		if at := asked.Answer.AsOf; !at.IsZero() && at.Before(o.AsOf) {
			o.AsOf = at
		}
	}
	return o, nil
}

// future is the overview of a period that has not begun: nothing was spent, and nothing is guessed.
func (s *Service) future(ctx context.Context, a *asker, o Overview) (Overview, error) {
	var found spend.Answer
	err := a.all(ctx, question{&found, "the currency", window{a.now.Add(-time.Hour), a.now}, 1, nil, []spend.Dimension{"kind"}})
	o.Currency, o.By, o.Until, o.BeforeUntil, o.NoForecast = found.Currency, "user", o.Since, o.BeforeSince, "The period has not begun."
	return o, err
}

// split says where the money went, and where it did before.
func (o *Overview) split(now, before spend.Answer) {
	parts := map[[2]string]*Part{}
	part := func(keys []string) *Part {
		k := [2]string{keys[0], keys[1]}
		if parts[k] == nil {
			parts[k] = &Part{Kind: k[0], Name: k[1]}
		}
		return parts[k]
	}
	for _, row := range now.Rows {
		part(row.Keys).Cost += row.Cost
	}
	for _, row := range before.Rows {
		part(row.Keys).Before += row.Cost
	}
	here, earlier := map[string]cost.Nanos{}, map[string]cost.Nanos{}
	for _, p := range parts {
		o.Split = append(o.Split, *p)
		here[p.Name] += p.Cost
		earlier[p.Name] += p.Before
		if p.Waste() {
			o.Waste += p.Cost
			o.WasteBefore += p.Before
		}
		if p.Unseen() {
			o.Unseen += p.Cost
		}
	}
	o.Split = Split(o.Split)
	o.Movers["operation"] = Movers(here, earlier, movers)
}

// payers lists who spent.
func (o *Overview) payers(now, before spend.Answer) {
	earlier := costsOf(before)
	for _, row := range now.Rows {
		o.Payers = append(o.Payers, Payer{Key: row.Keys[0], Cost: row.Cost, Before: earlier[row.Keys[0]]})
	}
}

// forecast looks ahead to the end of a period that runs.
func (o *Overview) forecast(now time.Time, series Series) {
	if !now.Before(o.End) {
		o.NoForecast = "The period is over."
		return
	}
	today := dayOf(now, o.Zone)
	begun := startOf(today, o.Zone)
	elapsed := float64(now.Sub(begun)) / float64(startOf(today.AddDate(0, 0, 1), o.Zone).Sub(begun))
	after := int(dayOf(o.End, o.Zone).Sub(today)/(24*time.Hour)) - 1
	if o.Month == "" && after == 0 {
		o.NoForecast = "The period ends with today."
		return
	}
	past := Series{First: series.First, Days: series.Days[:min(series.Index(today), len(series.Days))]}
	f, ok := Predict(past, o.Total, elapsed, after)
	if !ok {
		have := len(past.trimmed().Days)
		o.NoForecast = fmt.Sprintf("A forecast needs %d whole days of spend to learn from; there %s so far.", MinHistory, countOf(have))
		return
	}
	o.Forecast = &f
}

func countOf(n int) string {
	switch n {
	case 0:
		return "is none"
	case 1:
		return "is 1"
	default:
		return fmt.Sprintf("are %d", n)
	}
}

// deeper asks what depends on the answers to the first questions.
func (o *Overview) deeper(ctx context.Context, a *asker, series Series, lines, linesBefore spend.Answer) error {
	var listed []string
	lineCosts, lineCostsBefore := costsOf(lines), costsOf(linesBefore)
	delete(lineCosts, "")
	delete(lineCostsBefore, "")
	for _, row := range lines.Rows {
		if row.Keys[0] != "" && len(listed) < dearestLines {
			listed = append(listed, row.Keys[0])
		}
	}
	// A line of which one answer says nothing may still be among those that it left out.
	candidates := map[string]bool{}
	for _, c := range Movers(lineCosts, lineCostsBefore, 4*movers) {
		candidates[c.Key] = true
	}
	for _, place := range listed {
		candidates[place] = true
	}
	var names []string
	for _, payer := range o.Payers[:min(payers, len(o.Payers))] {
		names = append(names, payer.Key)
	}
	var operations []string
	for _, p := range o.Split {
		if len(operations) < payers && p.Cost > 0 {
			operations = append(operations, p.Name)
		}
	}
	var questions []question
	var payersByDay, operationsByDay, about, exact, exactBefore, owners spend.Answer
	here, before := window{o.Since, o.Until}, window{o.BeforeSince, o.BeforeUntil}
	past := window{o.DayStart(series.First), o.Until}
	if len(names) > 0 {
		questions = append(questions, question{&payersByDay, "who spent when, and what was unusual", past, 0, anyOf(o.By, names), []spend.Dimension{"day", o.By}})
	}
	if len(operations) > 0 {
		questions = append(questions, question{&operationsByDay, "what was done when, and what was unusual", past, 0, anyOf("operation", operations), []spend.Dimension{"day", "operation"}})
	}
	if wasted := o.ownersWaste(); len(wasted) > 0 {
		questions = append(questions, question{&owners, "whose the waste is", here, 0, wasted, []spend.Dimension{"operation", "user"}})
	}
	if len(listed) > 0 {
		questions = append(questions, question{&about, "whose the dearest lines are", here, 0, anyOf("line", listed), []spend.Dimension{"line", "operation", o.By, "cluster"}})
	}
	if some := slices.Sorted(maps.Keys(candidates)); len(some) > 0 {
		questions = append(
			questions,
			question{&exact, "lines that changed", here, 0, anyOf("line", some), []spend.Dimension{"line"}},
			question{&exactBefore, "lines that changed, before", before, 0, anyOf("line", some), []spend.Dimension{"line"}},
		)
	}
	if err := a.all(ctx, questions...); err != nil {
		return err
	}
	o.lines(listed, lines, about, costsOf(exactBefore))
	o.owners(owners)
	o.Movers["line"] = Movers(costsOf(exact), costsOf(exactBefore), movers)
	subjects := map[Subject]Series{}
	for _, of := range []struct {
		by     spend.Dimension
		answer spend.Answer
	}{{o.By, payersByDay}, {"operation", operationsByDay}} {
		for key, s := range seriesPer(of.answer, series) {
			subjects[Subject{Dimension: string(of.by), Key: key}] = s
		}
	}
	from := series.Index(o.First)
	for i := range o.Payers {
		if s, ok := subjects[Subject{Dimension: string(o.By), Key: o.Payers[i].Key}]; ok {
			o.Payers[i].Days = s.Days[from:]
		}
	}
	o.Anomalies = Anomalies(subjects, series, o.First)
	return nil
}

// lines lists the dearest lines.
func (o *Overview) lines(listed []string, all, about spend.Answer, before map[string]cost.Nanos) {
	now := costsOf(all)
	for _, place := range listed {
		l := Line{Place: place, Cost: now[place], Before: before[place]}
		operations, whose, where := map[string]cost.Nanos{}, map[string]cost.Nanos{}, map[string]cost.Nanos{}
		for _, row := range about.Rows {
			if row.Keys[0] == place {
				operations[row.Keys[1]] += row.Cost
				whose[row.Keys[2]] += row.Cost
				where[row.Keys[3]] += row.Cost
			}
		}
		l.Operation, l.Payer, l.Cluster = dearest(operations), dearest(whose), cluster.ID(dearest(where))
		o.Lines = append(o.Lines, l)
		o.Rest -= l.Cost
	}
	o.LinesTotal = all.Total
	o.Rest += all.Total
	o.RestLines = len(all.Rows) + all.RestRows - len(listed)
	if _, pathless := now[""]; pathless {
		o.RestLines--
	}
}

func dearest(costs map[string]cost.Nanos) string {
	best := ""
	for _, key := range slices.Sorted(maps.Keys(costs)) {
		if best == "" || costs[key] > costs[best] {
			best = key
		}
	}
	return best
}

// costsOf is what an answer by one dimension says of each key.
func costsOf(a spend.Answer) map[string]cost.Nanos {
	costs := make(map[string]cost.Nanos, len(a.Rows))
	for _, row := range a.Rows {
		costs[row.Keys[0]] += row.Cost
	}
	return costs
}

// seriesOf is an answer by day, from a day to another.
func seriesOf(a spend.Answer, first, last time.Time) Series {
	s := Series{First: first}
	s.Days = make([]cost.Nanos, s.Index(last)+1)
	for _, row := range a.Rows {
		s.add(row.Keys[0], row.Cost)
	}
	return s
}

// seriesPer is an answer by day and something else, one series each as long as another.
func seriesPer(a spend.Answer, like Series) map[string]Series {
	out := map[string]Series{}
	for _, row := range a.Rows {
		s, ok := out[row.Keys[1]]
		if !ok {
			s = Series{First: like.First, Days: make([]cost.Nanos, len(like.Days))}
			out[row.Keys[1]] = s
		}
		s.add(row.Keys[0], row.Cost)
	}
	return out
}

// add books a day by its name; one that lies outside is at the nearest end, so that no money is lost.
func (s Series) add(day string, n cost.Nanos) {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil || len(s.Days) == 0 {
		return
	}
	s.Days[min(max(s.Index(at), 0), len(s.Days)-1)] += n
}
