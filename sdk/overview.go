package sdk

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Overview says what was spent in a period, and what to think of it.
type Overview struct {
	Currency string `json:"currency"`
	Zone     string `json:"zone" doc:"IANA time zone in which days begin"`
	Month    string `json:"month" doc:"2026-11 where the period is a month, else empty"`
	// Start and End bound the period; Until is how far it has come.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Until time.Time `json:"until"`
	// AsOf is when the oldest of the answers that this is made from was made.
	AsOf time.Time `json:"as_of"`
	// Notes say in sentences what a reader of the figures should know, as of days whose detail was lost; empty if there is nothing.
	Notes []string `json:"notes" nullable:"false"`
	// BeforeStart and BeforeEnd bound what it is compared with.
	BeforeStart time.Time `json:"before_start"`
	BeforeEnd   time.Time `json:"before_end"`
	// Whole tells whether this is all that was spent, rather than what the caller may see.
	Whole       bool  `json:"whole"`
	TotalNanos  int64 `json:"total_nanos"`
	BeforeNanos int64 `json:"before_nanos"`
	// WasteNanos was paid for and brought nothing: idle time, overhead, work lost with its worker. UnseenNanos was not observed.
	WasteNanos       int64 `json:"waste_nanos"`
	WasteBeforeNanos int64 `json:"waste_before_nanos"`
	UnseenNanos      int64 `json:"unseen_nanos"`
	Clusters         int   `json:"clusters"`
	// Days is what was spent on each day from FirstDay on.
	FirstDay string  `json:"first_day" example:"2026-11-01"`
	Days     []int64 `json:"days_nanos" nullable:"false"`
	// Forecast is absent where there is none; NoForecast then says why.
	Forecast   *OverviewForecast `json:"forecast,omitempty"`
	NoForecast string            `json:"no_forecast"`
	Split      []OverviewPart    `json:"split" nullable:"false"`
	// By is what the payers are.
	By     string          `json:"by" enum:"user,group"`
	Payers []OverviewPayer `json:"payers" nullable:"false"`
	// Lines are the dearest; RestLines others cost RestNanos; all together LinesNanos.
	Lines      []OverviewLine     `json:"lines" nullable:"false"`
	LinesNanos int64              `json:"lines_nanos"`
	RestNanos  int64              `json:"rest_nanos"`
	RestLines  int                `json:"rest_lines"`
	Movers     []OverviewMovers   `json:"movers" nullable:"false"`
	Anomalies  []OverviewAnomaly  `json:"anomalies" nullable:"false"`
	Questions  []OverviewQuestion `json:"questions" nullable:"false"`
	Rates      RateCard           `json:"rates"`
}

// OverviewForecast is what the period will have cost at its end: four times out of five within [low, high].
type OverviewForecast struct {
	LowNanos  int64 `json:"low_nanos"`
	MidNanos  int64 `json:"mid_nanos"`
	HighNanos int64 `json:"high_nanos"`
	// HistoryDays is what it was learnt from, Tested how many forecasts of the past the interval was measured by.
	HistoryDays int `json:"history_days"`
	Tested      int `json:"tested"`
	// Path is the same for the end of today and of each day after it.
	Path []OverviewPoint `json:"path" nullable:"false"`
}

// OverviewPoint is what the period will have cost at the end of a day.
type OverviewPoint struct {
	LowNanos  int64 `json:"low_nanos"`
	MidNanos  int64 `json:"mid_nanos"`
	HighNanos int64 `json:"high_nanos"`
}

// OverviewPart is a share of what was spent.
type OverviewPart struct {
	Kind string `json:"kind" enum:"work,unattributed,idle,overhead,lost,unknown"`
	Name string `json:"name" doc:"The operation of work, else the category"`
	// CostNanos and BeforeNanos are its cost now and in the period before.
	CostNanos   int64 `json:"cost_nanos"`
	BeforeNanos int64 `json:"before_nanos"`
	Waste       bool  `json:"waste"`
	// Fixer is who can do something about it, Advice what.
	Fixer  string `json:"fixer" enum:"owner,platform,"`
	Advice string `json:"advice"`
	// Owners have most of what owners can mend, dearest first; MoreOwners others have some of it, too.
	Owners     []OverviewOwner `json:"owners" nullable:"false"`
	MoreOwners int             `json:"more_owners"`
}

// OverviewOwner is a user, and what a part cost on their clusters.
type OverviewOwner struct {
	User      string `json:"user"`
	CostNanos int64  `json:"cost_nanos"`
}

// OverviewPayer is a user or a group.
type OverviewPayer struct {
	Key         string `json:"key" doc:"Name; empty for no group"`
	CostNanos   int64  `json:"cost_nanos"`
	BeforeNanos int64  `json:"before_nanos"`
	// Days is its spend by day from the overview's first day; empty for those that are not among the dearest.
	Days []int64 `json:"days_nanos" nullable:"false"`
}

// OverviewLine is a line of code that created work.
type OverviewLine struct {
	File        string `json:"file"`
	Line        int    `json:"line"`
	Text        string `json:"text" doc:"Its source, where that is kept and may be seen"`
	Operation   string `json:"operation" doc:"What most of it was"`
	Payer       string `json:"payer" doc:"Whose most of it was"`
	ClusterID   string `json:"cluster_id" doc:"The cluster that spent most on it"`
	CostNanos   int64  `json:"cost_nanos"`
	BeforeNanos int64  `json:"before_nanos"`
}

// OverviewMovers is what changed most, by money, along one dimension.
type OverviewMovers struct {
	By    string          `json:"by" enum:"group,user,operation,line"`
	Items []OverviewMover `json:"items" nullable:"false"`
}

// OverviewMover is one change.
type OverviewMover struct {
	Key         string `json:"key"`
	CostNanos   int64  `json:"cost_nanos"`
	BeforeNanos int64  `json:"before_nanos"`
}

// OverviewAnomaly is a day, or some in a row, on which something cost far more than it ever did in the weeks before.
type OverviewAnomaly struct {
	By  string `json:"by" enum:"group,user,operation," doc:"Empty for everything together"`
	Key string `json:"key"`
	// FirstDay and LastDay are the same for a single day.
	FirstDay   string `json:"first_day"`
	LastDay    string `json:"last_day"`
	CostNanos  int64  `json:"cost_nanos"`
	UsualNanos int64  `json:"usual_nanos"`
	Sentence   string `json:"sentence"`
}

// OverviewQuestion is a question of cost that figures were made from.
type OverviewQuestion struct {
	About string   `json:"about"`
	By    []string `json:"by" nullable:"false"`
	// Path answers it, under the API's base.
	Path       string    `json:"path"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	Rows       int       `json:"rows"`
	TotalNanos int64     `json:"total_nanos"`
	Clusters   int       `json:"clusters"`
	// AsOf is when what it was answered from was made; SQL is the question as it was put to the warehouse, which read ReadRows rows. Absent if it was answered without.
	AsOf     *time.Time `json:"as_of,omitempty"`
	SQL      string     `json:"sql,omitempty"`
	ReadRows int64      `json:"read_rows,omitempty"`
}

// OverviewOptions is a period; its zero value is the current month in the organisation's zone.
type OverviewOptions struct {
	// Month is like 2026-11; else Since and Until bound the period.
	Month        string
	Since, Until time.Time
	Zone         string
}

// Overview says what was spent in a period, and what to think of it.
func (c *Client) Overview(ctx context.Context, o OverviewOptions) (Overview, error) {
	q := url.Values{}
	if o.Month != "" {
		q.Set("month", o.Month)
	}
	if !o.Since.IsZero() {
		q.Set("since", o.Since.UTC().Format(time.RFC3339Nano))
	}
	if !o.Until.IsZero() {
		q.Set("until", o.Until.UTC().Format(time.RFC3339Nano))
	}
	if o.Zone != "" {
		q.Set("zone", o.Zone)
	}
	return call[Overview](ctx, c, http.MethodGet, "/overview", q, nil)
}
