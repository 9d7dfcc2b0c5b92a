package seed

import (
	"fmt"
	"strconv"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// Anomaly is something that went wrong, to be found by those who look.
type Anomaly struct {
	// Kind is "runaway", "forgotten", "telemetry", "slow" or "faster".
	Kind string
	// About says in a sentence what happened.
	About        string
	Since, Until time.Time
	// User, Group, Cluster and Line are what it is about, where it is about one.
	User, Group string
	Cluster     cluster.ID
	Line        string
}

// trouble is what goes wrong within what is right otherwise.
type trouble struct {
	anomalies []Anomaly
	// silent is the group whose reports are lost, for a month.
	silent                  string
	silentSince, silentTill time.Time
	changes                 map[*site]change
}

// change is a line that does its work so many times as slowly from some moment on.
type change struct {
	since  time.Time
	factor float64
}

// Anomalies tells what went wrong, in the order of the time.
func (org *Organisation) Anomalies() []Anomaly { return org.trouble.anomalies }

// lost is which share of an hour nobody knows about.
func (t *trouble) lost(s *session, hour time.Time) float64 {
	if s.Group != t.silent || hour.Before(t.silentSince) || !hour.Before(t.silentTill) {
		return 0
	}
	return 0.6
}

func (t *trouble) slower(one *site, hour time.Time) float64 {
	if c, ok := t.changes[one]; ok && !hour.Before(c.since) {
		return c.factor
	}
	return 1
}

// makeTrouble lets things go wrong. Short times have less of it.
func (org *Organisation) makeTrouble() {
	c := org.stream(ofTrouble)
	at := func(share float64) time.Time {
		return org.begin.Add(time.Duration(float64(org.options.Days)*share) * day)
	}
	org.trouble.changes = map[*site]change{}

	org.changeLine(habitTables, "join", at(0.22), 9, "slow", "A change made a join of all keys out of a join of one: the line takes nine times as long since.")
	if org.options.Days > 60 {
		org.forget(c, at(0.35).Add(15*time.Hour+20*time.Minute))
		org.silence(at(0.45), at(0.45).Add(30*day))
	}
	org.changeLine(habitCSV, "read.csv", at(0.66), 0.15, "faster", "The files became Parquet: reading takes a seventh since.")
	if org.options.Days > 14 {
		org.runAway(c, friday(at(0.8)))
	}
}

// friday is the next Friday evening.
func friday(at time.Time) time.Time {
	for at.Weekday() != time.Friday {
		at = at.Add(day)
	}
	return at.Add(17*time.Hour + 42*time.Minute)
}

// changeLine lets a line of the helpers of the largest group of a habit become slower or faster: the dearest one that does some operation, or any if
// none does.
func (org *Organisation) changeLine(h habit, operation string, since time.Time, factor float64, kind, about string) {
	g := org.largest(h)
	var dearest *site
	helpers := org.shared[g]
	for i := range helpers.sites {
		s := &helpers.sites[i]
		if dearest == nil || rank(s, operation) > rank(dearest, operation) {
			dearest = s
		}
	}
	org.trouble.changes[dearest] = change{since: since, factor: factor}
	org.tell(Anomaly{
		Kind: kind, About: about, Since: since, Until: org.options.Until, Group: org.groups[g].Path,
		Line: fmt.Sprintf("%s:%d", dearest.origin.File, dearest.origin.Line),
	})
}

// rank orders sites by their share, those of an operation before all others.
func rank(s *site, operation string) float64 {
	if s.operation == operation {
		return 1e9 + s.share
	}
	return s.share
}

// largest finds the group of a habit with the most work; any, if none has it.
func (org *Organisation) largest(h habit) int {
	weights := make([]float64, len(org.groups))
	for _, u := range org.users {
		weights[u.group] += u.weight
	}
	best, most := -1, 0
	for i, g := range org.groups {
		if g.habit == h && (best < 0 || weights[i] > weights[best]) {
			best = i
		}
		if weights[i] > weights[most] {
			most = i
		}
	}
	if best < 0 {
		return most
	}
	return best
}

// memberOf finds somebody of a group who is there all the time; anybody, if there is nobody.
func (org *Organisation) memberOf(group int) int {
	for i, u := range org.users {
		if u.group == group && u.joined == 0 && u.left == org.options.Days && !u.scheduled {
			return i
		}
	}
	return 0
}

// scaled makes what goes wrong as large as the organisation works: n for a hundred million rows.
func (org *Organisation) scaled(n int) int {
	return max(1, int(int64(n)*org.options.Rows/100_000_000))
}

// forget lets a cluster run for 23 days that nobody uses.
func (org *Organisation) forget(c chance, start time.Time) {
	owner := org.memberOf(org.largest(habitArrays))
	s := org.special(c, owner, start, start.Add(23*day+3*time.Hour), "demo-for-friday", max(6, org.scaled(40)), 4)
	s.spare, s.keep = true, 0.04
	s.reason = "An administrator stopped it: nobody had used it for 23 days."
	org.specials = append(org.specials, s)
	org.tell(Anomaly{
		Kind: "forgotten", About: fmt.Sprintf("A cluster of %d slots was left running for 23 days after a demo.", s.threads()), Since: s.start, Until: s.end,
		User: s.User, Group: s.Group, Cluster: s.Cluster,
	})
}

// runAway lets a search that never converges start clusters over a weekend.
func (org *Organisation) runAway(c chance, start time.Time) {
	owner, monday := org.memberOf(org.largest(habitBoost)), start.Truncate(day).Add(3*day+8*time.Hour+11*time.Minute)
	var first session
	clusters := min(24, max(2, org.scaled(24*8)))
	for n := range clusters {
		s := org.special(c, owner, start.Add(time.Duration(n)*19*time.Minute), earlier(monday, org.options.Until), "search-"+strconv.Itoa(n+1), max(2, org.scaled(24*32)/clusters), 8)
		s.idle, s.keep = 0.04, 0.5
		if n == 0 {
			first = s
		}
		org.specials = append(org.specials, s)
	}
	org.tell(Anomaly{
		Kind: "runaway", Since: start, Until: monday, User: first.User, Group: first.Group,
		About: fmt.Sprintf("A parameter search started %d clusters of %d slots on a Friday evening and never ended.", clusters, first.threads()),
	})
}

func (org *Organisation) special(c chance, owner int, start, end time.Time, name string, workers, slots int) session {
	u := &org.users[owner]
	g := org.groups[u.group]
	p := org.projects[u.group][0]
	return session{
		Of: spend.Of{
			Cluster: cluster.ID(c.newID("cl", start)), Name: name, Backend: backendKubernetes, UserID: u.ID, User: u.Name, Group: g.Path,
			RulesVersion: org.options.RulesVersion,
		},
		owner: owner, start: start, end: end, workers: workers, slots: slots, memoryGB: 4, files: p.files[:1], observed: true, project: p.name,
		hours: c.Uint64(), reason: "It was asked to stop.",
	}
}

// silence lets the reports of a group be lost.
func (org *Organisation) silence(since, until time.Time) {
	path := org.groups[org.largest(habitDeep)].Path
	org.trouble.silent, org.trouble.silentSince, org.trouble.silentTill = path, since, until
	org.tell(Anomaly{
		Kind: "telemetry", About: "A proxy dropped most reports of a group's workers for a month.", Since: since, Until: until, Group: path,
	})
}

func (org *Organisation) tell(a Anomaly) { org.trouble.anomalies = append(org.trouble.anomalies, a) }
