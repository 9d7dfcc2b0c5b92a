package usage

import (
	"context"
	"fmt"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Decoder decodes the payload of a RawBatch.
type Decoder func(payload []byte) (*Batch, error)

// GaugeStore keeps a scheduler's last report.
type GaugeStore interface {
	SetGauges(ctx context.Context, id cluster.ID, g cluster.Gauges) error
}

// Folder moves durable batches into the tables that answer questions, each exactly once.
type Folder struct {
	store  Store
	gauges GaugeStore
	tx     identity.Transactor
	decode Decoder
	bad    func(RawBatch, error)
}

// NewFolder makes a Folder. Bad is told of a batch that cannot be decoded any more (it was validated when it came in); its time stays unknown.
func NewFolder(store Store, gauges GaugeStore, tx identity.Transactor, decode Decoder, bad func(RawBatch, error)) *Folder {
	return &Folder{store: store, gauges: gauges, tx: tx, decode: decode, bad: bad}
}

// foldAtOnce bounds a transaction, so that folding never keeps writers waiting for long.
const foldAtOnce = 200

// Fold folds up to 200 batches, of one cluster if id is not empty, and returns how many it folded: 0 when nothing is left. A batch and its
// mark are written in one transaction, so a crash in between repeats nothing and loses nothing.
func (f *Folder) Fold(ctx context.Context, id cluster.ID) (int, error) {
	batches, err := f.store.UnfoldedBatches(ctx, id, foldAtOnce)
	if err != nil {
		return 0, fmt.Errorf("list batches: %w", err)
	}
	if len(batches) == 0 {
		return 0, nil
	}
	err = f.tx.Atomically(ctx, func(ctx context.Context) error {
		for _, raw := range batches {
			if err := f.foldOne(ctx, raw); err != nil {
				return fmt.Errorf("fold batch %s/%d: %w", raw.Epoch, raw.Seq, err)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(batches), nil
}

// FoldAll folds all that is there.
func (f *Folder) FoldAll(ctx context.Context, id cluster.ID) error {
	for {
		n, err := f.Fold(ctx, id)
		if err != nil || n == 0 {
			return err
		}
	}
}

func (f *Folder) foldOne(ctx context.Context, raw RawBatch) error {
	switch err := f.store.MarkFolded(ctx, raw); {
	case errs.Is(err, errs.Conflict): // somebody else was faster
		return nil
	case err != nil:
		return err
	}
	b, err := f.decode(raw.Payload)
	if err != nil {
		f.bad(raw, err)
		return nil
	}
	switch b.Kind {
	case KindWorker:
		folded := Fold(raw.ClusterID, b)
		if err := f.store.AddLineUsage(ctx, folded.Lines); err != nil {
			return err
		}
		return f.store.AddCategoryUsage(ctx, folded.Categories)
	case KindScheduler:
		for i := range b.Submissions {
			b.Submissions[i].ClusterID = raw.ClusterID
		}
		if b.Gauges != nil {
			b.Gauges.At = raw.ReceivedAt
			if err := f.gauges.SetGauges(ctx, raw.ClusterID, *b.Gauges); err != nil {
				return err
			}
		}
		return f.store.PutSubmissions(ctx, b.Submissions)
	default:
		return f.store.PutSource(ctx, Source{ClusterID: raw.ClusterID, File: b.File, SHA256: b.SHA256, Text: b.Text})
	}
}
