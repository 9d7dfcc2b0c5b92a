package console

import (
	"context"
	"fmt"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// Hours splits what a cluster spent into hours.
type Hours interface {
	Hours(ctx context.Context, now time.Time, c cluster.Cluster, since, until time.Time) (hours []bill.Hour, rulesVersion int, err error)
}

// StoredLedger makes the table lines of the store, cluster by cluster.
type StoredLedger struct {
	Bills Bills
	Hours Hours
	Rows  Rows
}

// Lines implements Ledger.
func (l StoredLedger) Lines(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time, _ string) (Content, error) {
	s := Sources{Bills: l.Bills, Rows: l.Rows}
	rows := s.perCluster(ctx, actor, window{since, until}, func(c cluster.Cluster, owner identity.User) ([][]any, error) {
		hours, version, err := l.Hours.Hours(ctx, now, c, since, until)
		if err != nil {
			return nil, fmt.Errorf("split into hours: %w", err)
		}
		of := spend.Of{Cluster: c.ID, Name: c.Name, Backend: c.Backend, UserID: c.OwnerID, User: owner.Name, RulesVersion: version}
		facts := spend.Facts(of, hours)
		out := make([][]any, len(facts))
		for i, f := range facts {
			out[i] = FactRow(f)
		}
		return out, nil
	})
	return Content{Rows: rows}, nil
}
