package bill

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// SubmissionList is what the submissions of a cluster cost.
type SubmissionList struct {
	Currency cost.Currency
	Items    []SubmissionCost
}

// Submissions lists who asked a cluster for what, and what it cost: the newest first, at most MaxSubmissions.
func (s *Service) Submissions(ctx context.Context, now time.Time, actor identity.Actor, ref string) (SubmissionList, error) {
	c, err := s.clusters.Find(ctx, actor, ref)
	if err != nil {
		return SubmissionList{}, err
	}
	var sessions []usage.Session
	in, err := s.inputWith(ctx, now, c, func(ctx context.Context) error {
		var err error
		if sessions, err = s.rows.SessionsByCluster(ctx, c.ID); err != nil {
			return fmt.Errorf("list sessions: %w", err)
		}
		return nil
	})
	if err != nil {
		return SubmissionList{}, err
	}
	return SubmissionList{Currency: s.card.Currency, Items: Submissions(in, sessions)}, nil
}

// ReadList is what a cluster read and wrote.
type ReadList struct {
	Currency cost.Currency
	Items    []ReadCost
}

// Reads lists what a cluster read and wrote, dearest first.
func (s *Service) Reads(ctx context.Context, now time.Time, actor identity.Actor, ref string) (ReadList, error) {
	c, err := s.clusters.Find(ctx, actor, ref)
	if err != nil {
		return ReadList{}, err
	}
	var reads []usage.Read
	in, err := s.inputWith(ctx, now, c, func(ctx context.Context) error {
		var err error
		if reads, err = s.rows.ReadsByCluster(ctx, c.ID); err != nil {
			return fmt.Errorf("list reads: %w", err)
		}
		return nil
	})
	if err != nil {
		return ReadList{}, err
	}
	out := ReadList{Currency: s.card.Currency, Items: Reads(in, reads)}
	texts := s.newTexts(in)
	for i := range out.Items {
		if out.Items[i].Text, err = texts.of(ctx, out.Items[i].Line); err != nil {
			return ReadList{}, err
		}
	}
	return out, nil
}

// Receipt says what a client's work since a moment cost; all clients' if client is empty.
func (s *Service) Receipt(ctx context.Context, now time.Time, actor identity.Actor, ref string, since time.Time, client string) (Receipt, error) {
	c, err := s.clusters.Find(ctx, actor, ref)
	if err != nil {
		return Receipt{}, err
	}
	in, err := s.input(ctx, now, c)
	if err != nil {
		return Receipt{}, err
	}
	r := MakeReceipt(in, since, client)
	if r.Top != nil {
		if r.Top.Text, err = s.newTexts(in).of(ctx, r.Top.Line); err != nil {
			return Receipt{}, err
		}
	}
	return r, nil
}
