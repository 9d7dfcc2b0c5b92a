// Package seed makes up an organisation: people in a tree of groups, their code, their clusters of a year, and what each of those spent hour by
// hour on what. It is made to measure and to show Lineitem with, so it has the shapes that real ones have: few people spend most, nights and
// weekends differ from days, teams have habits, prices change, and some things go wrong. The same options give the same organisation, to the
// nano-unit, and each day can be made alone: nothing has to be held in memory but the people and the code.
package seed

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
)

const day = 24 * time.Hour

// Options say which organisation.
type Options struct {
	// Seed is what chance is drawn from.
	Seed uint64
	// Until ends the last day: a midnight of UTC.
	Until time.Time
	Days  int
	// Rows is about how many facts there are in all; how often people work follows from it.
	Rows          int64
	Users, Groups int
	Currency      cost.Currency
	// RulesVersion is what the facts say of the rules that named their operations.
	RulesVersion int
}

// Bounds of an organisation.
const (
	MaxUsers  = 20_000
	MaxGroups = 500
	MaxDays   = 3 * 366
	MaxRows   = 2_000_000_000
)

// Check says what is wrong with the options.
func (o Options) Check() error {
	var wrong []error
	within := func(name string, value, least, most int64) {
		if value < least || value > most {
			wrong = append(wrong, fmt.Errorf("%s is %d: give %d to %d", name, value, least, most))
		}
	}
	within("the number of users", int64(o.Users), 10, MaxUsers)
	within("the number of groups", int64(o.Groups), 3, MaxGroups)
	within("the number of days", int64(o.Days), 1, MaxDays)
	within("the number of rows", o.Rows, 1000, MaxRows)
	if o.Until.IsZero() || !o.Until.UTC().Truncate(day).Equal(o.Until) {
		wrong = append(wrong, fmt.Errorf("the last day ends at %s: give a midnight of UTC", o.Until.Format(time.RFC3339)))
	}
	return errors.Join(wrong...)
}

// Organisation is what was made up.
type Organisation struct {
	options Options
	begin   time.Time
	// rate is how often people begin to work, such that there are about as many facts as asked for.
	rate float64

	groups   []group
	users    []user
	projects [][]project // of each group
	shared   []*file     // the helpers of each group
	specials []session   // what goes wrong, in the order of their begin
	trouble  trouble
}

// New makes an organisation up.
func New(o Options) (*Organisation, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("make up an organisation: %w; nothing was made", err)
	}
	o.Until = o.Until.UTC()
	org := &Organisation{options: o, begin: o.Until.Add(-time.Duration(o.Days) * day), rate: 1}
	org.makeGroups()
	org.makeUsers()
	org.makeCode()
	org.makeTrouble()
	org.calibrate()
	return org, nil
}

// Groups returns the groups, parents before their children.
func (org *Organisation) Groups() []identity.Group {
	groups := make([]identity.Group, len(org.groups))
	for i := range org.groups {
		groups[i] = org.groups[i].Group
	}
	return groups
}

// Users returns everybody.
func (org *Organisation) Users() []User {
	users := make([]User, len(org.users))
	for i := range org.users {
		users[i] = org.users[i].User
	}
	return users
}

// Days yields the first moment of each day, in order.
func (org *Organisation) Days() iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for d := org.begin; d.Before(org.options.Until); d = d.Add(day) {
			if !yield(d) {
				return
			}
		}
	}
}

// Clusters returns the clusters that were started on a day, oldest first of each user. All have ended.
func (org *Organisation) Clusters(of time.Time) []cluster.Cluster {
	var out []cluster.Cluster
	for s := range org.begun(of) {
		out = append(out, s.cluster(org))
	}
	return out
}

// Facts yields what all clusters spent on a day, in the order of users, clusters and hours.
func (org *Organisation) Facts(of time.Time) iter.Seq[spend.Fact] {
	return func(yield func(spend.Fact) bool) {
		var w writer
		for s := range org.alive(of) {
			for hour := later(of, s.start.Truncate(time.Hour)); hour.Before(s.end) && hour.Before(of.Add(day)); hour = hour.Add(time.Hour) {
				for i := range w.hour(org, s, hour) {
					if !yield(w.facts[i]) {
						return
					}
				}
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
