package outlook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// atOnce is how many questions are asked at the same time.
const atOnce = 4

// window is [since, until).
type window struct{ since, until time.Time }

// question is one of those that an overview is made from.
type question struct {
	to    *spend.Answer
	about string
	window
	limit int
	where []spend.Filter
	by    []spend.Dimension
}

// asker asks on behalf of somebody, and keeps what it asked.
type asker struct {
	spend Spend
	now   time.Time
	actor identity.Actor
	zone  *time.Location
	only  []spend.Filter
	asked []Asked
}

// all asks some questions, several at once. A window that is empty has the answer nothing.
func (a *asker) all(ctx context.Context, questions ...question) error {
	var wait sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	failures := make([]error, len(questions))
	for i, q := range questions {
		if !q.since.Before(q.until) {
			continue
		}
		query := spend.Query{By: q.by, Where: append(append([]spend.Filter{}, a.only...), q.where...), Since: q.since, Until: q.until, Zone: a.zone, Limit: q.limit}
		if query.Limit == 0 {
			query.Limit = spend.MaxRows
		}
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			found, err := a.spend.Answer(ctx, a.now, a.actor, query)
			if err != nil {
				failures[i] = fmt.Errorf("ask for %s: %w", q.about, err)
				return
			}
			*q.to = found
		})
	}
	wait.Wait()
	for _, q := range questions {
		if len(q.to.By) > 0 {
			a.asked = append(a.asked, Asked{About: q.about, Answer: *q.to})
		}
	}
	return errors.Join(failures...)
}

// grouped reports whether anything was paid by a group.
func (a *asker) grouped(groups spend.Answer) bool {
	for _, row := range groups.Rows {
		if row.Keys[0] != "" {
			return true
		}
	}
	return false
}

// anyOf keeps what has one of some values.
func anyOf(dimension spend.Dimension, values []string) []spend.Filter {
	return []spend.Filter{{Dimension: dimension, Values: values}}
}
