package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// everything is what administrators see.
var everything = identity.Scope{All: true}

// filledLedger is what fillLedger put there.
type filledLedger struct {
	repricings []cluster.Repricing
	check      func(t *testing.T, db *store.DB)
}

// fillLedger puts a row into each table of the ledger.
func fillLedger(t *testing.T, db *store.DB, owner identity.UserID, p cluster.Process) filledLedger {
	t.Helper()
	ctx := t.Context()
	repricings := []cluster.Repricing{{From: noon.Add(time.Hour).UTC(), Basis: cost.Basis{CoreHour: 1, GigabyteHour: 2, Source: "Price book: new", AsOf: noon.UTC()}}}
	must(t, db.AddRepricings(ctx, p, repricings, noon))
	entry := fullEntry(owner, p)
	must(t, db.AddEntries(ctx, []ledger.Entry{entry}))
	state := ledger.State{Until: noon.UTC(), Meter: "1 2 3"}
	must(t, db.PutState(ctx, p, state))
	closing := ledger.Closing{Month: "2026-02", Start: noon.Add(-time.Hour).UTC(), End: noon.UTC(), At: noon.Add(time.Hour).UTC(), By: "ana"}
	total := ledger.Total{
		MonthTotal: ledger.MonthTotal{Month: closing.Month, Kind: ledger.Correction, Currency: "EUR", Entries: 1, Cost: -5}, Owner: owner, OwnerName: "ana", Group: "/research", Backend: "local", Micros: -7,
	}
	must(t, db.AddClosing(ctx, closing, []ledger.Total{total}))
	imported := ledger.Imported{
		ID: "im_1", Month: "2026-03", Source: "invoice.csv", SHA256: "ab", Rules: []string{"A=b -> none"}, At: noon.UTC(), By: "ana",
		Result: ledger.TrueUpResult{Month: "2026-03", Currency: "EUR", Invoiced: 3, Factors: []ledger.Factor{{Target: "backend local", Invoiced: 3, Metered: 2}}, NotOurs: []ledger.NotOurs{{Service: "x", Rows: 1}}},
	}
	must(t, db.AddImport(ctx, imported))
	return filledLedger{repricings, func(t *testing.T, db *store.DB) {
		t.Helper()
		ctx := t.Context()
		entries := getBy(t, ctx, db.Entries, ledger.Filter{Scope: everything, Limit: 10})
		if len(entries) != 1 || entries[0].ID == 0 {
			t.Fatalf("entries: %+v", entries)
		}
		entries[0].ID = 0
		equal(t, entries[0], entry)
		dues := getBy(t, ctx, func(ctx context.Context, id cluster.ID) ([]ledger.Due, error) { return db.Unposted(ctx, id, id) }, p.ClusterID)
		if len(dues) != 1 {
			t.Fatalf("not posted: %+v", dues)
		}
		equal(t, dues[0].State, state)
		equal(t, dues[0].Process.Repricings, repricings)
		equal(t, get(t, ctx, db.Closings), []ledger.Closing{closing})
		closed, err := db.ClosedTotals(ctx, "", everything)
		must(t, err)
		equal(t, closed, []ledger.Total{total})
		equal(t, getBy(t, ctx, db.Imports, ledger.Month("2026-03")), []ledger.Imported{imported})
		within, err := db.ImportsWithin(ctx, "2026-02", "2026-03")
		must(t, err)
		equal(t, within, []ledger.Imported{imported})
		if within, err = db.ImportsWithin(ctx, "2026-04", "2026-05"); err != nil || len(within) != 0 {
			t.Errorf("imports of other months: %+v, %v", within, err)
		}
	}}
}

func fullEntry(owner identity.UserID, p cluster.Process) ledger.Entry {
	return ledger.Entry{
		Kind: ledger.Correction, Process: p.ID, Cluster: p.ClusterID, Owner: owner, Backend: "local", Hour: noon.UTC().Truncate(time.Hour), Sequence: 2, Month: "2026-03",
		Cost: -11, Micros: -12, Rate: cost.Rate{NanosPerHour: 13, Currency: "EUR"}, Source: "Price book: our list", AsOf: noon.UTC(), RecordedAt: noon.UTC(),
		Reason: "It ran less.", Import: "im_1",
	}
}

// The books are append-only in the database itself, whoever writes to it.
func TestLedgerIsAppendOnly(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines(t) {
		cfg := storetest.Config(t, engine)
		db, err := store.Open(t.Context(), cfg)
		must(t, err)
		defer db.Close()
		must(t, db.Migrate(t.Context()))
		check := fill(t, db)
		plain := raw(t, cfg)
		for table, column := range map[string]string{
			"ledger_entries": "cost_nanos", "ledger_months": "closed_at", "ledger_totals": "cost_nanos", "ledger_imports": "imported_at", "process_prices": "core_hour_nanos",
			"process_gpus": "recorded_at", "gpu_prices": "nanos_per_hour",
		} {
			for _, statement := range []string{"UPDATE " + table + " SET " + column + " = 0", "DELETE FROM " + table} {
				if _, err := plain.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "never changed or deleted") {
					t.Errorf("%s on %s: %v", statement, engine, err)
				}
			}
		}
		check(t, db)
		wantKind(t, db.AddEntries(t.Context(), []ledger.Entry{fullEntry("us_1", cluster.Process{ID: "none"})}), errs.NotFound)
		entries := getBy(t, t.Context(), db.Entries, ledger.Filter{Scope: everything, Limit: 1})
		wantKind(t, db.AddEntries(t.Context(), entries), errs.Conflict)
		must(t, db.Close())
	}
}

// books is a ledger over a real database, with a clock and a price book that tests steer.
type books struct {
	db      *store.DB
	prices  *price.Service
	current *price.Current
	poster  *ledger.Poster
	service *ledger.Service
	admin   identity.Actor
	now     time.Time
}

var optionsCard = cost.Card{Currency: "USD", CoreHour: 40_000_007, GigabyteHour: 5_000_003, SchedulerCore: 1, SchedulerMem: 1e9, Source: "Options."}

type foldsNothing struct{}

func (foldsNothing) FoldAll(context.Context, cluster.ID) error { return nil }

func newBooks(t testing.TB, db *store.DB, zone *time.Location) *books {
	t.Helper()
	b := &books{db: db, now: time.Date(2026, 1, 31, 20, 17, 3, 0, time.UTC)}
	b.current = price.NewCurrent(db, optionsCard, "local")
	b.prices = price.NewService(db, db, b.current)
	b.poster = ledger.NewPoster(db, db, b.current, zone)
	b.service = ledger.NewService(ledger.Config{Store: db, Tx: db, Poster: b.poster, Folder: foldsNothing{}, Zone: zone, Currency: "USD"})
	user := newUser(t, db, "root")
	b.admin = identity.Actor{User: user}
	b.admin.User.Role = identity.RoleAdmin
	return b
}

// cluster makes a cluster with processes that run.
func (b *books) cluster(t testing.TB, name string, workers int) []cluster.Process {
	t.Helper()
	c := fullCluster(b.admin.User.ID, name, b.now)
	c.EndedAt, c.Status = time.Time{}, cluster.StatusRunning
	must(t, b.db.CreateCluster(t.Context(), c))
	card := b.current.Card("local", b.now)
	processes := []cluster.Process{cluster.NewScheduler(c, card, b.now)}
	for n := range workers {
		processes = append(processes, cluster.NewWorker(c, card, cluster.WorkerName(n), 1, b.now))
	}
	for i := range processes {
		processes[i].Status, processes[i].StartedAt = cluster.StatusRunning, b.now
		must(t, b.db.CreateProcess(t.Context(), processes[i]))
	}
	return processes
}

func (b *books) importPrice(ctx context.Context, from time.Time, core, memory cost.Nanos) error {
	list := fmt.Sprintf("provider,unit,price,valid_from\nlocal,core_hour,%d.%09d,%s\nlocal,gb_hour,%d.%09d,%s\n",
		core/1e9, core%1e9, from.Format(time.RFC3339Nano), memory/1e9, memory%1e9, from.Format(time.RFC3339Nano))
	_, err := b.prices.Import(ctx, b.now, b.admin, price.ImportInput{Shape: price.ShapeLineitem, Text: strings.NewReader(list), Source: "our list"})
	return err
}

func (b *books) importGPUPrice(ctx context.Context, from time.Time, hour cost.Nanos) error {
	list := fmt.Sprintf("provider,unit,name,price,valid_from\nlocal,gpu_hour,NVIDIA H200,%d.%09d,%s\n", hour/1e9, hour%1e9, from.Format(time.RFC3339Nano))
	_, err := b.prices.Import(ctx, b.now, b.admin, price.ImportInput{Shape: price.ShapeLineitem, Text: strings.NewReader(list), Source: "our list"})
	return err
}

func (b *books) post(t testing.TB) {
	t.Helper()
	_, err := b.poster.Post(t.Context(), b.now)
	must(t, err)
}

// TestBooksFollowTheMeter steers clusters at random over months: processes start and end, turn out to have ended earlier, come back and change their size; prices change; several
// servers post at once, and some break off in between; months are closed. At any time the entries of a process sum to what it is metered at up to where it is posted,
// and what was closed stays what it was.
func TestBooksFollowTheMeter(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		oslo, err := time.LoadLocation("Europe/Oslo")
		must(t, err)
		b := newBooks(t, db, oslo)
		frozen := map[ledger.Month]string{}
		rounds := 0
		var live []cluster.Process
		rapid.Check(t, func(rt *rapid.T) {
			if rounds++; rounds > 10 { // each round goes on with the same books
				return
			}
			ctx := t.Context()
			if len(live) < 12 {
				live = append(live, b.cluster(t, fmt.Sprintf("round-%d", rounds), rapid.IntRange(1, 3).Draw(rt, "workers"))...)
			}
			for range rapid.IntRange(10, 30).Draw(rt, "steps") {
				i := rapid.IntRange(0, len(live)-1).Draw(rt, "process")
				p := live[i]
				switch rapid.SampledFrom([]string{"wait", "wait", "jump", "post", "post", "price", "gpu", "gpu price", "end", "back", "resize", "break", "race", "close"}).Draw(rt, "step") {
				case "wait":
					b.now = b.now.Add(time.Duration(rapid.Int64Range(0, 4*3600*1e6).Draw(rt, "wait")) * time.Microsecond)
				case "jump":
					b.now = b.now.AddDate(0, 0, rapid.IntRange(1, 12).Draw(rt, "days"))
				case "post":
					b.post(t)
				case "price":
					from := b.now.Add(time.Duration(rapid.Int64Range(0, 3*3600*1e6).Draw(rt, "in")) * time.Microsecond).Truncate(time.Microsecond)
					err := b.importPrice(ctx, from, cost.Nanos(rapid.Int64Range(1, 1e9).Draw(rt, "core")), cost.Nanos(rapid.Int64Range(1, 1e8).Draw(rt, "memory")))
					if err != nil && errs.KindOf(err) != errs.Invalid { // a later price may be there already
						rt.Fatal(err)
					}
				case "gpu":
					// It is found to see one of two devices, which others see too, whoever they belong to; perhaps long after its hours were posted.
					must(t, db.AddGPUs(ctx, p, []cluster.GPU{{
						UUID: rapid.SampledFrom([]string{"GPU-0", "GPU-1"}).Draw(rt, "gpu"), Model: "H200",
						Prices: []cluster.GPUPrice{b.current.GPU("local", "H200", "USD", p.StartedAt)},
					}}, b.now))
				case "gpu price":
					from := b.now.Add(time.Duration(rapid.Int64Range(0, 3*3600*1e6).Draw(rt, "in")) * time.Microsecond).Truncate(time.Microsecond)
					if err := b.importGPUPrice(ctx, from, cost.Nanos(rapid.Int64Range(1, 1e10).Draw(rt, "gpu hour"))); err != nil && errs.KindOf(err) != errs.Invalid {
						rt.Fatal(err)
					}
				case "end":
					p.EndedAt = p.StartedAt.Add(time.Duration(rapid.Int64Range(0, b.now.Sub(p.StartedAt).Microseconds()).Draw(rt, "life")) * time.Microsecond)
					must(t, db.UpdateProcess(ctx, p))
				case "back":
					p.EndedAt = time.Time{}
					must(t, db.UpdateProcess(ctx, p))
				case "resize":
					p.Threads = rapid.IntRange(1, 9).Draw(rt, "threads")
					p.Rate = optionsCard.Of(p.Basis).Price(p.Threads, p.MemoryBytes)
					must(t, db.UpdateProcess(ctx, p))
				case "break":
					// A server that dies: all that one transaction did is gone.
					err := db.Atomically(ctx, func(ctx context.Context) error {
						if _, err := b.poster.PostCluster(ctx, b.now, p.ClusterID); err != nil {
							return err
						}
						return errBroken
					})
					if !errors.Is(err, errBroken) {
						rt.Fatal(err)
					}
				case "race":
					var group sync.WaitGroup
					for range 3 {
						group.Go(func() { _, _ = b.poster.Post(ctx, b.now) }) // one that lost says so, and posts nothing twice
					}
					group.Wait()
				case "close":
					month := ledger.MonthOf(b.now.AddDate(0, -rapid.IntRange(0, 2).Draw(rt, "ago"), 0), oslo)
					if _, err := b.service.Close(ctx, b.now, b.admin, month); err != nil {
						if errs.KindOf(err) != errs.Conflict {
							rt.Fatal(err)
						}
						break
					}
					frozen[month] = picture(t, b, month)
				}
				live[i] = p
			}
			b.verify(t, rt)
			for month, before := range frozen {
				if after := picture(t, b, month); after != before {
					rt.Fatalf("%s was closed and changed:\n%s", month, cmp.Diff(before, after))
				}
			}
		})
		// Whatever chance has left out: all that is over is closed, and then a process turns out to have ended long before.
		for i := range live {
			live[i].EndedAt = b.now
			must(t, db.UpdateProcess(t.Context(), live[i]))
		}
		b.now = b.now.AddDate(0, 2, 0)
		b.post(t)
		for ago := 36; ago > 0; ago-- {
			month := ledger.MonthOf(b.now.AddDate(0, -ago, 0), oslo)
			if _, err := b.service.Close(t.Context(), b.now, b.admin, month); err == nil {
				frozen[month] = picture(t, b, month)
			} else if kind := errs.KindOf(err); kind != errs.Conflict && kind != errs.NotFound {
				t.Fatal(err)
			}
		}
		live[0].EndedAt = live[0].StartedAt.Add(time.Minute)
		must(t, db.UpdateProcess(t.Context(), live[0]))
		b.post(t)
		for month, before := range frozen {
			if after := picture(t, b, month); after != before {
				t.Errorf("%s was closed and changed:\n%s", month, cmp.Diff(before, after))
			}
		}
		late := 0
		for _, e := range getBy(t, t.Context(), db.Entries, ledger.Filter{Scope: everything, Kind: ledger.Correction, Limit: 1_000_000}) {
			if e.Month != ledger.MonthOf(e.Hour, oslo) {
				late++
			}
		}
		if len(frozen) == 0 || late == 0 {
			t.Errorf("%d months were closed, and %d corrections came after that", len(frozen), late)
		}
	})
}

var errBroken = errors.New("broken off")

// picture is all that is booked in a month.
func picture(t testing.TB, b *books, month ledger.Month) string {
	t.Helper()
	totals, err := b.db.TotalsOf(t.Context(), month, everything)
	must(t, err)
	closed, err := b.db.ClosedTotals(t.Context(), month, everything)
	must(t, err)
	if diff := cmp.Diff(closed, totals); diff != "" {
		t.Fatalf("%s: the entries do not sum to what was closed:\n%s", month, diff)
	}
	statements, err := b.service.Months(t.Context(), b.admin)
	must(t, err)
	for _, s := range statements {
		if s.Month == month {
			return fmt.Sprint(totals, s.Charges, s.Corrections, s.TrueUps, s.Closing, s.Closed.At)
		}
	}
	return "missing"
}

// verify holds the books against the meter, for every process and every month.
func (b *books) verify(t testing.TB, rt interface{ Fatalf(string, ...any) }) {
	t.Helper()
	ctx := t.Context()
	b.post(t)
	clusters, err := b.db.ListClusters(ctx, cluster.ListFilter{})
	must(t, err)
	entries, err := b.db.Entries(ctx, ledger.Filter{Scope: everything, Limit: 1_000_000})
	must(t, err)
	sums, all := map[cluster.ProcessID]cost.Nanos{}, cost.Nanos(0)
	for _, e := range entries {
		sums[e.Process] += e.Cost
		all += e.Cost
	}
	for _, c := range clusters {
		processes, err := b.db.ProcessesByCluster(ctx, c.ID)
		must(t, err)
		reached, err := b.db.PostedUntil(ctx, time.Time{}.AddDate(1970, 0, 0), b.now.AddDate(1, 0, 0))
		must(t, err)
		for _, p := range processes {
			if want := p.Cost(reached[p.ID]); sums[p.ID] != want {
				rt.Fatalf("%s: %d posted, %d metered up to %s", p.ID, sums[p.ID], want, reached[p.ID])
			}
		}
	}
	statements, err := b.service.Months(ctx, b.admin)
	must(t, err)
	opening := cost.Nanos(0)
	for _, s := range statements {
		if s.Opening != opening || s.Closing != s.Opening+s.Total() {
			rt.Fatalf("%s opens with %d after %d, and closes with %d", s.Month, s.Opening, opening, s.Closing)
		}
		opening = s.Closing
		d, err := b.service.Month(ctx, b.now, b.admin, s.Month)
		must(t, err)
		if !d.Check.Balanced() {
			rt.Fatalf("%s: %+v", s.Month, d.Check)
		}
	}
	if opening != all {
		rt.Fatalf("the months close with %d, the entries sum to %d", opening, all)
	}
}

// What comes after the close of its month is booked in the first open one, as a correction with the hour that it is for.
func TestCorrectionsAfterTheClose(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		b := newBooks(t, db, time.UTC)
		processes := b.cluster(t, "flights", 1)
		worker := processes[1]
		b.now = time.Date(2026, 2, 1, 0, 5, 0, 0, time.UTC)
		_, err := b.service.Close(ctx, b.now, b.admin, "2026-01")
		wantCode(t, err, "month_not_over")
		b.now = time.Date(2026, 2, 3, 1, 0, 0, 0, time.UTC)
		_, err = b.service.Close(ctx, b.now, b.admin, "2026-02")
		wantCode(t, err, "month_not_over")
		_, err = b.service.Close(ctx, b.now, identity.Actor{User: identity.User{Role: identity.RoleUser}}, "2026-01")
		wantKind(t, err, errs.Forbidden)
		d, err := b.service.Close(ctx, b.now, b.admin, "2026-01")
		must(t, err)
		want := processes[0].Cost(d.Statements[0].End) + worker.Cost(d.Statements[0].End)
		if s := d.Statements[0]; s.Charges != want || s.Closed == nil || s.Closed.By != "root" || !d.Check.Balanced() || d.Check.Processes != 2 {
			t.Errorf("closed: %+v, check %+v", s, d.Check)
		}
		_, err = b.service.Close(ctx, b.now, b.admin, "2026-01")
		wantCode(t, err, "month_closed")
		_, err = b.service.Close(ctx, b.now, b.admin, "2025-12")
		wantCode(t, err, "month_closed")

		worker.EndedAt = time.Date(2026, 1, 31, 22, 30, 0, 0, time.UTC)
		must(t, db.UpdateProcess(ctx, worker))
		b.post(t)
		february, err := b.service.Month(ctx, b.now, b.admin, "2026-02")
		must(t, err)
		less := worker.Cost(b.now) - processes[1].Cost(time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC))
		if s := february.Statements[0]; s.Corrections != less || s.Opening != want {
			t.Errorf("february: %+v, want corrections of %d", s, less)
		}
		last := february.Corrections[len(february.Corrections)-1]
		if last.Hour != time.Date(2026, 1, 31, 22, 0, 0, 0, time.UTC) || last.Month != "2026-02" || last.Reason != "It ran 30m0s less in this hour than was posted." {
			t.Errorf("correction: %+v", last)
		}
		if january, err := b.service.Month(ctx, b.now, b.admin, "2026-01"); err != nil || january.Statements[0].Charges != want || !january.Check.Balanced() {
			t.Errorf("january is now %+v, %v", january, err)
		}
		_, err = b.service.Month(ctx, b.now, identity.Actor{User: identity.User{ID: "us_other", Role: identity.RoleUser}}, "2026-02")
		wantKind(t, err, errs.NotFound)
		// April is over and March was never closed.
		b.now = time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)
		_, err = b.service.Close(ctx, b.now, b.admin, "2026-04")
		wantCode(t, err, "earlier_month_open")
	})
}

// failing is a database that cannot note how far one cluster is posted.
type failing struct {
	*store.DB
	cluster cluster.ID
}

func (f failing) PutState(ctx context.Context, p cluster.Process, s ledger.State) error {
	if p.ClusterID == f.cluster {
		return errBroken
	}
	return f.DB.PutState(ctx, p, s)
}

// A cluster that cannot be posted holds up no other, leaves nothing half done, and is named when its month is to be closed.
func TestWhatIsNotPostedIsNamed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		b := newBooks(t, db, time.UTC)
		broken, sound := b.cluster(t, "broken", 1), b.cluster(t, "sound", 1)
		b.now = time.Date(2026, 2, 1, 1, 0, 0, 0, time.UTC)
		poster := ledger.NewPoster(failing{db, broken[0].ClusterID}, db, b.current, time.UTC)
		if _, err := poster.Post(ctx, b.now); !errors.Is(err, errBroken) {
			t.Errorf("posting: %v", err)
		}
		posted := map[cluster.ID]bool{}
		for _, e := range getBy(t, ctx, db.Entries, ledger.Filter{Scope: everything, Limit: 1000}) {
			posted[e.Cluster] = true
		}
		equal(t, posted, map[cluster.ID]bool{sound[0].ClusterID: true})
		service := ledger.NewService(ledger.Config{Store: db, Tx: db, Poster: poster, Folder: foldsNothing{}, Zone: time.UTC, Currency: "USD"})
		_, err := service.Close(ctx, b.now, b.admin, "2026-01")
		wantCode(t, err, "month_not_posted")
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "broken ("+string(broken[0].ClusterID)+")") || strings.Contains(err.Error(), "sound") {
			t.Errorf("closing: %v", err)
		}
		d, err := b.service.Close(ctx, b.now, b.admin, "2026-01")
		if err != nil || d.Check.Processes != 4 {
			t.Errorf("closing with a sound database: %+v, %v", d.Check, err)
		}
	})
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var e *errs.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("error = %v, want %s", err, code)
	}
}

// A price that comes into force while processes run holds from then on, in the middle of an hour too; an hour that is posted keeps its price.
func TestPricesChangeWhileProcessesRun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		b := newBooks(t, db, time.UTC)
		worker := b.cluster(t, "flights", 1)[1]
		change := time.Date(2026, 2, 1, 3, 15, 0, 0, time.UTC)
		must(t, b.importPrice(ctx, change, 100_000_000, 7_000_000))
		b.now = change.Add(20 * time.Minute)
		b.post(t)
		got, err := db.ProcessByID(ctx, worker.ID)
		must(t, err)
		rate, basis := got.Price()
		if len(got.Repricings) != 1 || !got.Repricings[0].From.Equal(change) || basis.Source != "Price book: our list" || basis.CoreHour != 100_000_000 {
			t.Fatalf("repriced: %+v", got.Repricings)
		}
		if got.Rate != worker.Rate || got.Basis != worker.Basis {
			t.Errorf("the first price is now %+v", got.Basis)
		}
		want := worker.Cost(change) + rate.Over(change, b.now)
		if diff := got.Cost(b.now) - want; diff < 0 || diff > 1 { // each of the two is rounded down
			t.Errorf("it cost %d, want %d", got.Cost(b.now), want)
		}
		b.now = change.Add(2 * time.Hour)
		b.post(t)
		entries := getBy(t, ctx, db.Entries, ledger.Filter{Scope: everything, Limit: 1000})
		var sources []string
		for _, e := range slices.Backward(entries) {
			if e.Process == worker.ID && e.Hour.Equal(change.Truncate(time.Hour)) {
				sources = append(sources, fmt.Sprintf("%s for %s from %q", e.Kind, time.Duration(e.Micros)*time.Microsecond, e.Source))
			}
		}
		equal(t, sources, []string{`charge for 15m0s from "Options."`, `charge for 45m0s from "Price book: our list"`})
		// The list comes back as another one: from now on.
		must(t, b.importPrice(ctx, b.now, 50_000_000, 7_000_000))
		before := got.Cost(b.now)
		b.now = b.now.Add(3 * time.Hour)
		b.post(t)
		if got, err = db.ProcessByID(ctx, worker.ID); err != nil || len(got.Repricings) != 2 || got.Cost(b.now.Add(-3*time.Hour)) != before {
			t.Errorf("repriced: %+v, %v", got.Repricings, err)
		}
		b.verify(t, t)
	})
}
