package usage

import (
	"context"
	"fmt"
	"maps"
	"slices"

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

// Folder moves durable batches into the tables that answer questions, each exactly once.
type Folder struct {
	store  Store
	gauges GaugeStore
	tx     identity.Transactor
	decode Decoder
	bad    func(RawBatch, error)
	sinks  []Sink
}

// NewFolder makes a Folder. Bad is told of a batch that cannot be decoded any more (it was validated when it came in); its time stays unknown. Sinks
// take what the folder does not keep itself.
func NewFolder(store Store, gauges GaugeStore, tx identity.Transactor, decode Decoder, bad func(RawBatch, error), sinks ...Sink) *Folder {
	return &Folder{store: store, gauges: gauges, tx: tx, decode: decode, bad: bad, sinks: sinks}
}

// foldAtOnce bounds a transaction: on SQLite all that is appended meanwhile waits for it.
const foldAtOnce = 50

// Fold folds some of the batches that wait, of one cluster if id is not empty, and returns how many: 0 when nothing is left. A batch's sums and its
// mark are written in one transaction, so a crash in between repeats nothing and loses nothing.
func (f *Folder) Fold(ctx context.Context, id cluster.ID) (int, error) {
	batches, err := f.store.UnfoldedBatches(ctx, id, foldAtOnce)
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
		var sum sums
		var fresh []Received
		for _, p := range ready {
			switch err := f.store.MarkFolded(ctx, p.raw); {
			case errs.Is(err, errs.Conflict): // somebody else was faster
				continue
			case err != nil:
				return fmt.Errorf("mark batch %s/%d: %w", p.raw.Epoch, p.raw.Seq, err)
			}
			sum.add(p)
			if p.batch != nil {
				fresh = append(fresh, Received{Raw: p.raw, Batch: p.batch})
			}
		}
		if err := f.write(ctx, &sum); err != nil {
			return err
		}
		for _, sink := range f.sinks {
			if err := sink.Take(ctx, fresh); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("fold %d batches: %w", len(batches), err)
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
		p.folded = Fold(raw.ClusterID, b)
	}
	return p
}

// sums is what the batches of one transaction come to: lines that several of them name are one row.
type sums struct {
	lines       map[LineUsage]*LineUsage
	categories  []CategoryUsage
	submissions []Submission
	sources     []Source
	gauges      map[cluster.ID]cluster.Gauges
}

func (s *sums) add(p prepared) {
	if p.batch == nil {
		return
	}
	switch p.batch.Kind {
	case KindWorker:
		for _, l := range p.folded.Lines {
			s.addLine(l)
		}
		s.categories = append(s.categories, p.folded.Categories...)
	case KindScheduler:
		for _, submission := range p.batch.Submissions {
			submission.ClusterID = p.raw.ClusterID
			s.submissions = append(s.submissions, submission)
		}
		if g := p.batch.Gauges; g != nil {
			s.setGauges(p.raw, *g)
		}
	case KindSource:
		s.sources = append(s.sources, Source{ClusterID: p.raw.ClusterID, File: p.batch.File, SHA256: p.batch.SHA256, Text: p.batch.Text})
	}
}

func (s *sums) addLine(l LineUsage) {
	key := l
	key.ThreadMicros, key.CPUMicros = 0, 0
	if s.lines == nil {
		s.lines = map[LineUsage]*LineUsage{}
	}
	if sum, ok := s.lines[key]; ok {
		sum.ThreadMicros += l.ThreadMicros
		sum.CPUMicros += l.CPUMicros
		return
	}
	s.lines[key] = &l
}

func (s *sums) setGauges(raw RawBatch, g cluster.Gauges) {
	g.At = raw.ReceivedAt
	if s.gauges == nil {
		s.gauges = map[cluster.ID]cluster.Gauges{}
	}
	if was, ok := s.gauges[raw.ClusterID]; !ok || !g.At.Before(was.At) {
		s.gauges[raw.ClusterID] = g
	}
}

func (f *Folder) write(ctx context.Context, s *sums) error {
	lines := make([]LineUsage, 0, len(s.lines))
	for _, sum := range s.lines {
		lines = append(lines, *sum)
	}
	slices.SortFunc(lines, compareLines) // in one order everywhere, so that two transactions do not wait in a circle
	if err := f.store.AddLineUsage(ctx, lines); err != nil {
		return err
	}
	if err := f.store.AddCategoryUsage(ctx, s.categories); err != nil {
		return err
	}
	if err := f.store.PutSubmissions(ctx, s.submissions); err != nil {
		return err
	}
	for _, source := range s.sources {
		if err := f.store.PutSource(ctx, source); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.gauges)) {
		if err := f.gauges.SetGauges(ctx, id, s.gauges[id]); err != nil {
			return err
		}
	}
	return nil
}
