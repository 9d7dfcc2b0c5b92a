package segment

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// Store is the truth, and knows what the segments lack.
type Store interface {
	// MarkRunning marks what runs, up to the hour of now.
	MarkRunning(ctx context.Context, now time.Time) error
	// MarkUncovered marks what ran in days before the one of now that have no segment of a table.
	MarkUncovered(ctx context.Context, table string, now time.Time) error
	// Catalogue returns the live segments and the marks of one moment.
	Catalogue(ctx context.Context) (Catalogue, error)
	// SwapSegments makes a change and removes the marks that still have their stamp, in one transaction; errs.Conflict if the change comes too late.
	SwapSegments(ctx context.Context, change Change, clean []Mark, at time.Time) error
	// SegmentNames returns the names of live segments and of those that were dropped at a time or later.
	SegmentNames(ctx context.Context, droppedSince time.Time) ([]string, error)
	ForgetSegments(ctx context.Context, droppedBefore time.Time) error
	ForgetMarks(ctx context.Context, before time.Time) error
	// HoursOn returns the hours of a UTC day, up to now, in which clusters may have cost something.
	HoursOn(ctx context.Context, day, now time.Time) ([]Pair, error)
	// SetAside writes down damage, takes segments out of the catalogue, and marks the hours of the days whose lines were damaged, in one transaction; errs.Conflict if one of
	// the segments is not live.
	SetAside(ctx context.Context, found []Damage, gone []Segment, now time.Time) error

	ClusterByID(ctx context.Context, id cluster.ID) (cluster.Cluster, error)
	UserByID(ctx context.Context, id identity.UserID) (identity.User, error)
}

// Bills splits what a cluster spent into hours.
type Bills interface {
	Hours(ctx context.Context, now time.Time, c cluster.Cluster, since, until time.Time) (hours []bill.Hour, rulesVersion int, err error)
}

// Folder brings the store's facts up to date.
type Folder interface {
	Fold(ctx context.Context, id cluster.ID) (int, error)
}

// Files are the segments: internal/warehouse.
type Files interface {
	// Replace writes what the segments become when they hold facts and nothing else of the pairs in drop. Files are safe on the disk before it returns.
	Replace(ctx context.Context, live []Segment, drop []Pair, facts iter.Seq[spend.Fact]) (Change, error)
	// Facts returns what segments hold of pairs.
	Facts(ctx context.Context, live []Segment, pairs []Pair) ([]spend.Fact, error)
	// Refresh sets what questions see from now on.
	Refresh(ctx context.Context, v View) error
	Answer(ctx context.Context, q spend.Query, scope spend.Scope) (spend.Answer, error)
	// Sweep removes files that have none of the names and were last changed before a time.
	Sweep(ctx context.Context, names []string, olderThan time.Time) (removed int, err error)
	// Rebuild makes rollups again that are missing, or of another zone.
	Rebuild(ctx context.Context, live []Segment) (Change, error)
	// Inspect looks again at the files that an error names and returns those that are live and damaged; again tells that what failed may succeed without more.
	Inspect(ctx context.Context, live []Segment, failure error) (bad []Damaged, again bool, err error)
	// Held returns what rollups say of a UTC day.
	Held(ctx context.Context, live []Segment, day time.Time) Held
	// SetAside keeps the files of segments for people to look at, as many as there is room for.
	SetAside(segments []Segment) error
	// Verify compares files with what was written, going on where it stopped, until it has read so many bytes. The error names all that are damaged.
	Verify(ctx context.Context, live []Segment, bytes int64) error
}

// View is what questions are answered from: segments, but for some pairs whose facts are beside them, as of a moment.
type View struct {
	Segments []Segment
	Pairs    []Pair
	Facts    []spend.Fact
	AsOf     time.Time
}

// Config is what a Keeper works with; all but the last three are needed.
type Config struct {
	Store  Store
	Bills  Bills
	Folder Folder
	Files  Files
	Now    func() time.Time
	// MaxAge is how old an answer may be. With 0 each question looks at the store.
	MaxAge time.Duration
	// Retain says for how long facts are kept.
	Retain Retainer
	// Damaged is told of files that were found damaged, and why they could not be set aside if that failed.
	Damaged func(found []Damage, failure error)
}

// Keeper keeps segments in step with the store, and answers from both.
type Keeper struct {
	cfg Config
	// settling is held while segments are written: one at a time is enough. healing is held while damaged ones are set aside.
	settling, healing sync.Mutex
	damaged           chan struct{}

	mu      sync.Mutex
	asOf    time.Time // of what questions see; zero before the first Refresh
	losses  []Damage  // of the same
	running *refresh  // the one in progress
	// mends counts how often files were set aside, seen how often that was when what questions see was read; unbuilt tells that rollups are missing since.
	mends, seen int
	unbuilt     bool
	ctx         context.Context
	stop        context.CancelFunc
	work        sync.WaitGroup
}

// NewKeeper makes a Keeper; Close, and not the end of ctx, ends what it does in the background.
func NewKeeper(ctx context.Context, cfg Config) *Keeper {
	k := &Keeper{cfg: cfg, damaged: make(chan struct{}, 1)}
	k.ctx, k.stop = context.WithCancel(context.WithoutCancel(ctx))
	return k
}

// Close ends a refresh in progress.
func (k *Keeper) Close() error {
	k.stop()
	k.work.Wait()
	return nil
}

// maxFolds bounds how many rounds of telemetry are folded before segments are written or a question is answered: the rest goes on coming.
const maxFolds = 100

// look brings the store up to date and reads it.
func (k *Keeper) look(ctx context.Context, now time.Time) (Catalogue, error) {
	for range maxFolds {
		n, err := k.cfg.Folder.Fold(ctx, "")
		if err != nil {
			return Catalogue{}, fmt.Errorf("fold telemetry: %w", err)
		}
		if n == 0 {
			break
		}
	}
	if err := k.cfg.Store.MarkRunning(ctx, now); err != nil {
		return Catalogue{}, fmt.Errorf("mark what runs: %w", err)
	}
	since, err := k.cfg.Retain.Since(ctx, now, Lines)
	if err != nil {
		return Catalogue{}, err
	}
	if !since.IsZero() {
		if err := k.cfg.Store.ForgetMarks(ctx, since); err != nil {
			return Catalogue{}, err
		}
	}
	return k.cfg.Store.Catalogue(ctx)
}

// Rebuild makes rollups again that are missing or of another zone, and marks what ran in days whose segment somebody has taken out of the catalogue. It is called
// once, before the rest.
func (k *Keeper) Rebuild(ctx context.Context) error {
	k.settling.Lock()
	defer k.settling.Unlock()
	if err := k.cfg.Store.MarkUncovered(ctx, Lines, k.cfg.Now()); err != nil {
		return fmt.Errorf("look for days that are missing: %w", err)
	}
	return k.mended(ctx, k.rebuild)
}

// rebuild makes rollups again.
func (k *Keeper) rebuild(ctx context.Context) error {
	catalogue, err := k.cfg.Store.Catalogue(ctx)
	if err != nil {
		return err
	}
	change, err := k.cfg.Files.Rebuild(ctx, catalogue.Segments)
	if err != nil {
		return fmt.Errorf("rebuild rollups: %w", err)
	}
	if len(change.Fresh)+len(change.Gone) > 0 {
		err = k.cfg.Store.SwapSegments(ctx, change, nil, k.cfg.Now())
		if err != nil && !errs.Is(err, errs.Conflict) { // else another server has made them
			return err
		}
	}
	k.mu.Lock()
	k.unbuilt = false
	k.mu.Unlock()
	return nil
}

// Settle writes the hours that are over and marked, and drops what is past its retention. What fails for one cluster keeps its marks, is reported, and does not
// keep the others waiting. It may be interrupted anywhere and done again. Where files were set aside since the last time, rollups that went with them are made again.
func (k *Keeper) Settle(ctx context.Context) error {
	k.settling.Lock()
	defer k.settling.Unlock()
	err := k.mended(ctx, k.settle)
	k.mu.Lock()
	unbuilt := k.unbuilt
	k.mu.Unlock()
	if unbuilt && ctx.Err() == nil {
		err = errors.Join(err, k.mended(ctx, k.rebuild))
	}
	return err
}

// settleNow is Settle without the rollups: somebody is waiting.
func (k *Keeper) settleNow(ctx context.Context) error {
	k.settling.Lock()
	defer k.settling.Unlock()
	return k.mended(ctx, k.settle)
}

func (k *Keeper) settle(ctx context.Context) error {
	now := k.cfg.Now()
	catalogue, err := k.look(ctx, now)
	if err != nil {
		return err
	}
	live, err := k.retire(ctx, now, catalogue.Segments)
	if err != nil {
		return err
	}
	var failures []error
	settled, _ := Plan(now, catalogue.Marks)
	for _, marks := range settled {
		change, err := k.write(ctx, now, live, marks)
		switch {
		case errs.Is(err, errs.Conflict): // another server was faster: the next look sees what it wrote
			return errors.Join(failures...)
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failures = append(failures, err)
		}
		live = Apply(live, change)
	}
	return errors.Join(failures...)
}

// retire drops the segments that are past their retention and returns the others.
func (k *Keeper) retire(ctx context.Context, now time.Time, live []Segment) ([]Segment, error) {
	since, err := k.cfg.Retain.Since(ctx, now, Lines)
	if err != nil {
		return nil, err
	}
	gone := Retire(live, since)
	if len(gone) == 0 {
		return live, nil
	}
	change := Change{Gone: gone}
	if err := k.cfg.Store.SwapSegments(ctx, change, nil, now); err != nil && !errs.Is(err, errs.Conflict) {
		return nil, fmt.Errorf("drop segments past their retention: %w", err)
	}
	return Apply(live, change), nil
}

// Apply returns what a change makes of a catalogue.
func Apply(live []Segment, change Change) []Segment {
	gone := make(map[string]bool, len(change.Gone))
	for _, s := range change.Gone {
		gone[s.Name] = true
	}
	out := make([]Segment, 0, len(live)+len(change.Fresh))
	for _, s := range live {
		if !gone[s.Name] {
			out = append(out, s)
		}
	}
	return append(out, change.Fresh...)
}

// write writes the pairs of marks that the segments do not say already, and removes the marks. The change is what became of the catalogue, whatever the error.
func (k *Keeper) write(ctx context.Context, now time.Time, live []Segment, marks []Mark) (Change, error) {
	facts, failed, failure := k.facts(ctx, now, marks)
	clean := make([]Mark, 0, len(marks))
	pairs := make([]Pair, 0, len(marks))
	for _, m := range marks {
		if !failed[m.Cluster] {
			clean, pairs = append(clean, m), append(pairs, m.Pair)
		}
	}
	held, err := k.cfg.Files.Facts(ctx, live, pairs)
	if err != nil {
		return Change{}, errors.Join(failure, fmt.Errorf("read segments: %w", err))
	}
	pairs = differing(pairs, held, facts)
	var change Change
	if len(pairs) > 0 {
		if change, err = k.cfg.Files.Replace(ctx, live, pairs, of(facts, pairs)); err != nil {
			return Change{}, errors.Join(failure, fmt.Errorf("write segments: %w", err))
		}
	}
	if err := k.cfg.Store.SwapSegments(ctx, change, clean, now); err != nil {
		return Change{}, err // what was written has no row, and is swept
	}
	return change, failure
}

// facts computes what was spent in the pairs of marks. Clusters for which that fails are named, with what happened.
func (k *Keeper) facts(ctx context.Context, now time.Time, marks []Mark) (facts []spend.Fact, failed map[cluster.ID]bool, failure error) {
	hours := byCluster(marks)
	ids := make([]cluster.ID, 0, len(hours))
	for id := range hours {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	owners := map[identity.UserID]string{}
	failed = map[cluster.ID]bool{}
	var failures []error
	for _, id := range ids {
		of, err := k.factsOf(ctx, now, id, hours[id], owners)
		if err != nil {
			failed[id] = true
			failures = append(failures, fmt.Errorf("hours of %s: %w", id, err))
			continue
		}
		facts = append(facts, of...)
	}
	return facts, failed, errors.Join(failures...)
}

// factsOf computes what one cluster spent in some hours.
func (k *Keeper) factsOf(ctx context.Context, now time.Time, id cluster.ID, hours []time.Time, owners map[identity.UserID]string) ([]spend.Fact, error) {
	c, err := k.cfg.Store.ClusterByID(ctx, id)
	if err != nil {
		return nil, err
	}
	owner, ok := owners[c.OwnerID]
	if !ok {
		user, err := k.cfg.Store.UserByID(ctx, c.OwnerID)
		if err != nil {
			return nil, fmt.Errorf("find its owner: %w", err)
		}
		owner = user.Name
		owners[c.OwnerID] = owner
	}
	since, until := slices.MinFunc(hours, time.Time.Compare), slices.MaxFunc(hours, time.Time.Compare).Add(time.Hour)
	spent, version, err := k.cfg.Bills.Hours(ctx, now, c, since, until)
	if err != nil {
		return nil, err
	}
	wanted := make(map[int64]bool, len(hours))
	for _, h := range hours {
		wanted[h.Unix()] = true
	}
	spent = slices.DeleteFunc(spent, func(h bill.Hour) bool { return !wanted[h.Start.Unix()] })
	return spend.Facts(spend.Of{Cluster: c.ID, Name: c.Name, Backend: c.Backend, UserID: c.OwnerID, User: owner, Group: c.GroupPath, RulesVersion: version}, spent), nil
}

// differing returns the pairs of which the segments do not hold just these facts.
func differing(pairs []Pair, held, facts []spend.Fact) []Pair {
	counts := map[spend.Fact]int{}
	for _, f := range facts {
		counts[f]++
	}
	for _, f := range held {
		f.Start = f.Start.UTC()
		counts[f]--
	}
	differ := map[pairKey]bool{}
	for f, n := range counts {
		if n != 0 {
			differ[keyOf(Pair{f.Cluster, f.Start})] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(pairs), func(p Pair) bool { return !differ[keyOf(p)] })
}

// of yields the facts of some pairs.
func of(facts []spend.Fact, pairs []Pair) iter.Seq[spend.Fact] {
	wanted := make(map[pairKey]bool, len(pairs))
	for _, p := range pairs {
		wanted[keyOf(p)] = true
	}
	return func(yield func(spend.Fact) bool) {
		for _, f := range facts {
			if wanted[keyOf(Pair{f.Cluster, f.Start})] && !yield(f) {
				return
			}
		}
	}
}

// pairKey is a pair whose hour can be compared by ==.
type pairKey struct {
	cluster cluster.ID
	hour    int64
}

func keyOf(p Pair) pairKey { return pairKey{p.Cluster, p.Hour.Unix()} }

// How long files stay: questions may still read what was replaced, and what another server writes has no row yet.
const (
	droppedFor = 10 * time.Minute
	unnamedFor = time.Hour
)

// Sweep removes the files of segments that were dropped a while ago, and files that no row names.
func (k *Keeper) Sweep(ctx context.Context) (removed int, err error) {
	now := k.cfg.Now()
	names, err := k.cfg.Store.SegmentNames(ctx, now.Add(-droppedFor))
	if err != nil {
		return 0, err
	}
	if removed, err = k.cfg.Files.Sweep(ctx, names, now.Add(-unnamedFor)); err != nil {
		return removed, fmt.Errorf("sweep segments: %w", err)
	}
	return removed, k.cfg.Store.ForgetSegments(ctx, now.Add(-droppedFor))
}
