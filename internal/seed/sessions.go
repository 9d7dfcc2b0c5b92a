package seed

import (
	"iter"
	"math"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// longest is how long a cluster runs at most, in days of midnights that it may see; what goes wrong may run longer.
const longest = 2

// session is a cluster from its start to its end.
type session struct {
	spend.Of
	owner          int
	start, end     time.Time
	workers, slots int
	memoryGB       int // of each slot
	files          []*file
	keep           float64 // which share of its files' sites an hour shows
	project        string
	idle           float64
	observed       bool
	hours          uint64 // what the hours' chance is drawn from
	reason         string
	spare          bool // of a cluster that nobody uses: it does next to nothing
}

func (s *session) threads() int { return s.workers * s.slots }

// manner is how somebody works with a cluster.
type manner struct {
	median, sigma, most   float64 // hours
	workers, slots        int
	least, mostIdle, keep float64
}

var (
	interactive = manner{median: 2.6, sigma: 0.6, most: 12, workers: 4, slots: 2, least: 0.45, mostIdle: 0.85, keep: 0.55}
	batch       = manner{median: 2.2, sigma: 0.8, most: 20, workers: 10, slots: 4, least: 0.20, mostIdle: 0.50, keep: 0.8}
	nightly     = manner{median: 2.8, sigma: 0.5, most: 9, workers: 12, slots: 4, least: 0.10, mostIdle: 0.40, keep: 0.9}
	training    = manner{median: 9, sigma: 0.5, most: 30, workers: 6, slots: 8, least: 0.10, mostIdle: 0.40, keep: 0.6}
)

// index counts the days from the first.
func (org *Organisation) index(of time.Time) int { return int(of.Sub(org.begin) / day) }

// begun yields the sessions that begin on a day, by user.
func (org *Organisation) begun(of time.Time) iter.Seq[*session] {
	return func(yield func(*session) bool) {
		for u := range org.users {
			for _, s := range org.sessions(u, of, of) {
				if !yield(&s) {
					return
				}
			}
		}
		for i := range org.specials {
			if s := &org.specials[i]; s.start.Truncate(day).Equal(of) && !yield(s) {
				return
			}
		}
	}
}

// alive yields the sessions that run on a day, by user and in the order of their begin.
func (org *Organisation) alive(of time.Time) iter.Seq[*session] {
	return func(yield func(*session) bool) {
		end := of.Add(day)
		for u := range org.users {
			for back := longest; back >= 0; back-- {
				from := of.Add(-time.Duration(back) * day)
				if from.Before(org.begin) {
					continue
				}
				for _, s := range org.sessions(u, from, of) {
					if s.end.After(of) && !yield(&s) {
						return
					}
				}
			}
		}
		for i := range org.specials {
			if s := &org.specials[i]; s.start.Before(end) && s.end.After(of) && !yield(s) {
				return
			}
		}
	}
}

// sessions draws what a user begins on a day and what of it still runs on another.
func (org *Organisation) sessions(owner int, began, runs time.Time) []session {
	u, index := &org.users[owner], org.index(began)
	mean := org.rate * u.weight * org.busy(u, index, began)
	if mean == 0 {
		return nil
	}
	c := org.stream(ofSessions, uint64(owner), uint64(index))
	var out []session
	for n := range c.count(mean) {
		// Each has a stream of its own, so that one that has ended costs no more than its begin.
		own := org.stream(ofSessions, uint64(owner), uint64(index), uint64(n)+1)
		if s, ok := org.session(own, owner, began, runs); ok {
			out = append(out, s)
		}
	}
	return out
}

func (org *Organisation) session(c chance, owner int, began, runs time.Time) (session, bool) {
	u := &org.users[owner]
	g := &org.groups[u.group]
	how, hour := org.manner(c, u, g)
	start := began.Add(time.Duration(hour * float64(time.Hour))).Truncate(time.Second)
	length := min(max(c.skewed(how.median, how.sigma), 0.1), how.most)
	end := earlier(start.Add(time.Duration(length*float64(time.Hour)).Truncate(time.Second)), org.options.Until)
	if !end.After(start) || !end.After(runs) {
		return session{}, false
	}
	index := org.index(began)
	size := c.skewed(1, 0.7) * math.Pow(u.weight, 0.25)
	s := session{
		owner: owner, start: start, end: end, hours: c.Uint64(),
		workers: max(1, int(float64(how.workers)*size)), slots: how.slots, memoryGB: pick(c, []int{2, 4, 4, 8}),
		keep: how.keep * c.between(0.8, 1.1), idle: c.between(how.least, how.mostIdle),
		reason: pick(c, []string{"It was asked to stop.", "It was asked to stop.", "Its client went away.", "It was idle for 20 minutes."}),
	}
	adopted := g.agentsAtFirst + (g.agentsAtLast-g.agentsAtFirst)*min(1, float64(index)/300)
	s.observed = c.Float64() < adopted
	name := org.choose(c, &s, u)
	s.Of = spend.Of{
		Cluster: cluster.ID(c.newID("cl", start)), Name: name, Backend: g.backend, UserID: u.ID, User: u.Name, Group: u.Group.Path,
		RulesVersion: org.options.RulesVersion,
	}
	return s, true
}

// manner draws how a session is, and the hour of UTC of its day at which it begins.
func (org *Organisation) manner(c chance, u *user, g *group) (manner, float64) {
	if u.scheduled {
		return nightly, math.Mod(float64(1+c.IntN(5)-g.offset+24), 24) + c.between(0, 0.1)
	}
	local := func(at float64) float64 { return min(max(at-float64(g.offset), 0), 23.9) }
	long := 0.06
	if g.habit == habitDeep || g.habit == habitBoost {
		long = 0.35
	}
	switch p := c.Float64(); {
	case p < long:
		return training, local(16.5 + 2.5*c.NormFloat64())
	case p < long+0.3:
		return batch, local(13 + 4*c.NormFloat64())
	default:
		return interactive, local(11 + 2.5*c.NormFloat64())
	}
}

// choose draws the code that a session runs and returns a name for its cluster.
func (org *Organisation) choose(c chance, s *session, u *user) string {
	projects := org.projects[u.group]
	p := &projects[c.weighted(len(projects), func(i int) float64 { return projects[i].weight })]
	if p.tagged {
		s.project = p.name
	}
	if len(u.personal) > 0 && c.Float64() < 0.45 {
		s.files = append(s.files, pick(c, u.personal))
		if c.Float64() < 0.5 {
			s.project = "" // what people try out, they rarely tag
		}
		return "explore"
	}
	s.files = append(s.files, pick(c, p.files), org.shared[u.group])
	return p.name
}

// cluster is what the server keeps of a session.
func (s *session) cluster(org *Organisation) cluster.Cluster {
	return cluster.Cluster{
		ID: s.Cluster, Name: s.Name, OwnerID: s.UserID, Backend: s.Backend,
		Options: cluster.Options{Workers: s.workers, Threads: s.slots, MemoryBytes: int64(s.memoryGB*s.slots) * 1e9},
		Status:  cluster.StatusStopped, Target: cluster.TargetStopped, Reason: s.reason,
		GroupID: org.users[s.owner].Group.ID, GroupPath: s.Group,
		CreatedAt: s.start, StartedAt: s.start, EndedAt: s.end,
	}
}

// calibrate finds how often people have to begin for the number of facts that is asked for: it counts the facts of a part of the days.
func (org *Organisation) calibrate() {
	every := max(1, org.options.Days/45) | 1 // odd, so that all weekdays are seen
	counted, days := 0.0, 0
	for i := org.options.Days % every / 2; i < org.options.Days; i += every {
		for s := range org.begun(org.begin.Add(time.Duration(i) * day)) {
			counted += s.rows()
		}
		days++
	}
	if whole := counted * float64(org.options.Days) / float64(days); whole > 0 {
		org.rate = float64(org.options.Rows) / whole
	}
}

// rows is about how many facts a session makes.
func (s *session) rows() float64 {
	sites := 0
	for _, f := range s.files {
		sites += len(f.sites)
	}
	hours := s.end.Sub(s.start.Truncate(time.Hour)).Hours()
	switch {
	case !s.observed:
		return math.Ceil(hours) * 2
	default:
		return math.Ceil(hours) * (float64(sites)*min(s.keep, 1) + categoriesPerHour)
	}
}
