package usage

import (
	"context"
	"fmt"
	"slices"
	"time"

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

// Received is a batch that is being folded.
type Received struct {
	Raw   RawBatch
	Batch *Batch
}

// Sink takes what batches hold for another part of the product, within the transaction that marks them folded: each batch reaches it once.
type Sink interface {
	Take(ctx context.Context, batches []Received) error
}

// Forgetter is a Sink that adds up what worker batches hold by the rules of the Classifier. Before a cluster's worker batches are folded once more
// (Reclassify), it drops its sums of them in the caller's transaction; the batches then reach its Take again, and that of no other sink.
type Forgetter interface {
	Forget(ctx context.Context, id cluster.ID) error
}

// Folder moves durable batches into the tables that answer questions, each exactly once.
type Folder struct {
	store  Store
	gauges GaugeStore
	tx     identity.Transactor
	decode Decoder
	rules  Classifier
	bad    func(RawBatch, error)
	sinks  []Sink
	pace   pace
}

// NewFolder makes a Folder. Rules name the operations of what it folds. Bad is told of a batch that cannot be decoded any more (it was validated when it
// came in); its time stays unknown. Sinks take what the folder does not keep itself.
func NewFolder(
	store Store, gauges GaugeStore, tx identity.Transactor, decode Decoder, rules Classifier, bad func(RawBatch, error), sinks ...Sink,
) *Folder {
	return &Folder{store: store, gauges: gauges, tx: tx, decode: decode, rules: rules, bad: bad, sinks: sinks}
}

// RulesVersion is that of the rules that name operations.
func (f *Folder) RulesVersion() int { return f.rules.Version() }

// Paced lets the folder keep its transactions short, by a clock that runs as the machine's does. Without one they are of one size.
func (f *Folder) Paced(now func() time.Time) *Folder {
	f.pace.now = now
	return f
}

// Fold folds some of the batches that wait, of one cluster if id is not empty, and returns how many: 0 when nothing is left. A batch's sums and its
// mark are written in one transaction, so a crash in between repeats nothing and loses nothing.
func (f *Folder) Fold(ctx context.Context, id cluster.ID) (int, error) {
	batches, err := f.store.UnfoldedBatches(ctx, id, f.pace.size())
	if err != nil {
		return 0, fmt.Errorf("list batches: %w", err)
	}
	if len(batches) == 0 {
		return 0, nil
	}
	ready := make([]prepared, len(batches)) // outside the transaction, for which others wait
	for i, raw := range batches {
		ready[i] = f.prepare(raw)
	}
	err = f.tx.Atomically(ctx, func(ctx context.Context) error {
		defer f.pace.step(len(ready))() // within the transaction: what counts is how long others wait for it
		sum := sums{rules: f.rules.Version()}
		var fresh, again []Received
		for _, p := range ready {
			switch err := f.store.MarkFolded(ctx, p.raw); {
			case errs.Is(err, errs.Conflict): // somebody else was faster
				continue
			case err != nil:
				return fmt.Errorf("mark batch %s/%d: %w", p.raw.Epoch, p.raw.Seq, err)
			}
			sum.add(p)
			switch {
			case p.batch == nil:
			case p.raw.Again:
				again = append(again, Received{Raw: p.raw, Batch: p.batch})
			default:
				fresh = append(fresh, Received{Raw: p.raw, Batch: p.batch})
			}
		}
		if err := f.write(ctx, &sum); err != nil {
			return err
		}
		return f.pass(ctx, fresh, again)
	})
	if err != nil {
		return 0, fmt.Errorf("fold %d batches: %w", len(batches), err)
	}
	return len(batches), nil
}

// pass gives batches to the sinks, and those that are folded again to the sinks that have forgotten them.
func (f *Folder) pass(ctx context.Context, fresh, again []Received) error {
	for _, sink := range f.sinks {
		batches := fresh
		if _, ok := sink.(Forgetter); ok {
			batches = slices.Concat(fresh, again)
		}
		if len(batches) == 0 {
			continue
		}
		if err := sink.Take(ctx, batches); err != nil {
			return err
		}
	}
	return nil
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

// prepared is a batch with all that can be computed before its transaction.
type prepared struct {
	raw    RawBatch
	batch  *Batch // nil if it cannot be decoded
	folded Folded
}

func (f *Folder) prepare(raw RawBatch) prepared {
	b, err := f.decode(raw.Payload)
	if err != nil {
		f.bad(raw, err)
		return prepared{raw: raw}
	}
	p := prepared{raw: raw, batch: b}
	if b.Kind == KindWorker {
		p.folded = Fold(raw.ClusterID, b, f.rules)
	}
	return p
}
