package usage

import (
	"context"
	"fmt"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
)

// FoldState is what is remembered about the folding of a cluster.
type FoldState struct {
	ClusterID cluster.ID
	// RulesVersion is the oldest version of the rules that named operations of the cluster.
	RulesVersion int
	// Sampled is whether any of its workers was only looked at from outside.
	Sampled bool
	// DroppedBatches counts worker batches that are folded and not kept raw any more: with any, the cluster cannot be folded again.
	DroppedBatches int64
}

// Reclassify makes all worker batches of a cluster wait to be folded again, by the folder's rules, and drops what they had come to, in one transaction.
// Readers of bills fold first, so that none sees the time in between. errs.Conflict if not every batch is kept raw any more; nothing is changed then.
func (f *Folder) Reclassify(ctx context.Context, id cluster.ID) error {
	err := f.tx.Atomically(ctx, func(ctx context.Context) error {
		state, err := f.store.FoldStateByCluster(ctx, id)
		if err != nil {
			return err
		}
		if state.DroppedBatches > 0 {
			return errs.New(errs.Conflict, "raw_telemetry_dropped",
				"%d reports of cluster %s are past their retention, so its operations keep the names that version %d of the rules gave them; nothing was changed.",
				state.DroppedBatches, id, state.RulesVersion)
		}
		for _, sink := range f.sinks {
			if forgetter, ok := sink.(Forgetter); ok {
				if err := forgetter.Forget(ctx, id); err != nil {
					return err
				}
			}
		}
		return f.store.Unfold(ctx, id, f.rules.Version())
	})
	if err != nil {
		return fmt.Errorf("classify %s again: %w", id, err)
	}
	return nil
}

// ReclassifyOutdated classifies one cluster again whose operations were named by older rules and can be named by newer ones, the newest such cluster, and
// returns whether there was one.
func (f *Folder) ReclassifyOutdated(ctx context.Context) (bool, error) {
	ids, err := f.store.OutdatedClusters(ctx, f.rules.Version(), 1)
	if err != nil {
		return false, fmt.Errorf("list clusters with older classes: %w", err)
	}
	for _, id := range ids {
		if err := f.Reclassify(ctx, id); err != nil && !errs.Is(err, errs.Conflict) {
			return false, err
		}
		if err := f.FoldAll(ctx, id); err != nil {
			return false, err
		}
	}
	return len(ids) > 0, nil
}
