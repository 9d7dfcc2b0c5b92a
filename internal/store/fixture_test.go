package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/report"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
)

// noon is when the tests happen. It is not in UTC and has microseconds, which the store must cope with.
var noon = time.Date(2026, 3, 4, 13, 0, 0, 123_456_000, time.FixedZone("CET", 3600))

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, kind errs.Kind) {
	t.Helper()
	if got := errs.KindOf(err); got != kind {
		t.Errorf("error = %v (kind %q), want kind %q", err, got, kind)
	}
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not what was expected (-want +got):\n%s", diff)
	}
}

func newUser(t testing.TB, db *store.DB, name string) identity.User {
	t.Helper()
	u := identity.User{ID: identity.UserID(id.New("us", noon)), Name: name, Role: identity.RoleUser, CreatedAt: noon.UTC()}
	must(t, db.CreateUser(t.Context(), u))
	return u
}

// fullCluster has a value in every field.
func fullCluster(owner identity.UserID, name string, at time.Time) cluster.Cluster {
	clusterID := cluster.ID(id.New("cl", at))
	return cluster.Cluster{
		ID: clusterID, Name: name, OwnerID: owner, Backend: "local",
		Options: cluster.Options{
			Workers: 3, Threads: 2, MemoryBytes: 1 << 40, Python: "/opt/ana's/bin/python",
			Env: map[string]string{"A": "1", "QUOTED": `"ü"`},
		},
		Status: cluster.StatusRunning, Target: cluster.TargetStopped, Reason: "You stopped it.",
		SchedulerAddress: "tls://127.0.0.1:8786", DashboardURL: "http://127.0.0.1:8787",
		CreatedAt: at.UTC(), StartedAt: at.Add(time.Second).UTC(), EndedAt: at.Add(time.Minute).UTC(),
		Deployment: "jobqueue", Method: cluster.MethodSampled, SchedulerKey: "of " + string(clusterID), LastSeenAt: at.Add(time.Minute).UTC(),
	}
}

func newCluster(t testing.TB, db *store.DB) cluster.Cluster {
	t.Helper()
	owner := newUser(t, db, strings.ToLower(id.New("user", noon)))
	c := fullCluster(owner.ID, "flights", noon)
	must(t, db.CreateCluster(t.Context(), c))
	return c
}

func fullProcess(c cluster.ID, role cluster.Role, name string, generation int) cluster.Process {
	code := -9
	return cluster.Process{
		ID: cluster.ProcessID(fmt.Sprintf("%s-%s-%d", c, name, generation)), ClusterID: c, Role: role, Name: name, Generation: generation,
		Status: cluster.StatusRunning, Target: cluster.TargetRunning, Threads: 2, MemoryBytes: 1 << 33,
		Rate:   cost.Rate{NanosPerHour: 123_456_789_012, Currency: "EUR"},
		Basis:  cost.Basis{CoreHour: 40_000_001, GigabyteHour: 5_000_002, Source: "Price book: our list", AsOf: noon.Add(-time.Hour).UTC()},
		Handle: "4711", ExitCode: &code, Reason: "It was killed.",
		CreatedAt: noon.UTC(), StartedAt: noon.Add(1 * time.Second).UTC(), RetireAt: noon.Add(2 * time.Second).UTC(), EndedAt: noon.Add(3 * time.Second).UTC(),
	}
}

func newBatch(c cluster.ID, epoch string, seq int64) usage.RawBatch {
	return usage.RawBatch{
		ClusterID: c, ProcessID: cluster.ProcessID(string(c) + "-w-0-1"), Kind: "worker", Epoch: epoch, Seq: seq,
		ReceivedAt: noon.Add(time.Duration(seq) * time.Second).UTC(), Payload: []byte{0x00, 0xff, byte(seq)},
	}
}

func credentialSet(text string) cluster.CredentialSet {
	one := func(role string) cluster.Credentials {
		return cluster.Credentials{CA: []byte("ca " + text), Certificate: []byte("certificate " + role + text), Key: []byte("key " + role + text)}
	}
	return cluster.CredentialSet{Scheduler: one("scheduler"), Worker: one("worker"), Client: one("client")}
}

// fill puts a row into every table and returns a check that they are there, unchanged.
func fill(t *testing.T, db *store.DB) (check func(t *testing.T, db *store.DB)) {
	t.Helper()
	ctx := t.Context()
	user := newUser(t, db, "ana")
	code := identity.SignInCode{Hash: "c0de", UserID: user.ID, CreatedAt: noon.UTC(), ExpiresAt: noon.Add(time.Hour).UTC()}
	must(t, db.CreateSignInCode(ctx, code))
	session := identity.Session{Hash: "5e55", UserID: user.ID, CreatedAt: noon.UTC(), ExpiresAt: noon.Add(time.Hour).UTC()}
	must(t, db.CreateSession(ctx, session))
	token := identity.Token{
		ID: "tk_1", UserID: user.ID, Name: "laptop", Hash: "70ce", CreatedAt: noon.UTC(),
		ExpiresAt: noon.Add(time.Hour).UTC(), LastUsedAt: noon.Add(time.Minute).UTC(),
	}
	must(t, db.CreateToken(ctx, token))
	c := fullCluster(user.ID, "flights", noon)
	must(t, db.CreateCluster(ctx, c))
	process := fullProcess(c.ID, cluster.RoleWorker, "w-0", 1)
	must(t, db.CreateProcess(ctx, process))
	credentials, agentToken := credentialSet("x"), cluster.AgentToken{Hash: "a9e7", Text: "secret"}
	must(t, db.SetCredentials(ctx, c.ID, credentials, agentToken))
	watchToken := identity.Hash("3a7c")
	must(t, db.AddWatchToken(ctx, c.ID, watchToken, noon, 3))
	event := cluster.Event{ClusterID: c.ID, At: noon.UTC(), Kind: "created", Message: "Ana made it."}
	must(t, db.AddEvent(ctx, event))
	gauges := cluster.Gauges{
		At: noon.UTC(), Workers: 1, Threads: 2, Clients: 3, Processing: 4, Queued: 5, Waiting: 6, NoWorker: 7, InMemory: 8, Erred: 9,
		ManagedBytes: 10, SpilledBytes: 11,
	}
	must(t, db.SetGauges(ctx, c.ID, gauges))
	batch := newBatch(c.ID, "e", 7)
	_, err := db.AppendBatches(ctx, []usage.RawBatch{batch})
	must(t, err)
	line := usage.LineUsage{
		ClusterID: c.ID, ProcessID: process.ID, HourAt: noon.Truncate(time.Hour).UTC(), Submission: 2, Prefix: "read-csv",
		Line: usage.Line{File: "/home/ana/flights.py", Line: 31, Function: "main"}, ThreadMicros: 12, CPUMicros: 11,
		Origin: 3, Part: "read-csv-0f", Operation: "read.csv", Library: "pandas", NativeMicros: 10,
	}
	must(t, db.AddLineUsage(ctx, []usage.LineUsage{line}))
	category := usage.CategoryUsage{
		ClusterID: c.ID, ProcessID: process.ID, Epoch: "e", StartAt: noon.UTC(), EndAt: noon.Add(time.Second).UTC(), Final: true,
		Category: "idle.no_work", ThreadMicros: 13,
	}
	must(t, db.AddCategoryUsage(ctx, []usage.CategoryUsage{category}))
	submission := usage.Submission{
		ClusterID: c.ID, ID: 2, At: noon.UTC(), Client: "Client-1", File: "/home/ana/flights.py", Line: 31, Function: "main",
		Text: "df.compute()", Tasks: 120, Tags: map[string]string{"project": "churn"}, Span: []string{"etl", "load"}, Levels: map[string]int64{"name": 119, "none": 1},
	}
	must(t, db.PutSubmissions(ctx, []usage.Submission{submission}))
	facts := fillFacts(t, db, c.ID)
	groups := fillGroups(t, db, user)
	software := fillSoftware(t, db, c, process.ID)
	entry := fullPrice("pr_1")
	must(t, db.AddPrices(ctx, []price.Entry{entry}, noon))
	day := noon.UTC().Truncate(24 * time.Hour)
	file := segment.Segment{Table: "lines", Day: day, Name: "lines-1.parquet", Rows: 2, Bytes: 3, Nanos: 4}
	must(t, db.SwapSegments(ctx, segment.Change{Fresh: []segment.Segment{file}}, nil, noon))
	bad := segment.Damage{
		Segment: segment.Segment{Table: "days", Day: day, Name: "days-1.parquet", Rows: 5, Bytes: 6, Nanos: 7}, Reason: "is missing", FoundAt: noon, Unknown: 8, Missing: 9, AtMost: true,
	}
	must(t, db.SetAside(ctx, []segment.Damage{bad}, nil, noon))
	must(t, db.MarkSince(ctx, c.ID, noon.Add(10*time.Minute)))
	books := fillLedger(t, db, user.ID, process)
	process.Repricings = books.repricings
	process.GPUs = fillGPUs(t, db, process)
	reports := fillReports(t, db, user.ID)
	source := usage.Source{ClusterID: c.ID, File: "/home/ana/flights.py", SHA256: "ab", Text: "import dask\n"}
	must(t, db.PutSource(ctx, source))
	installation, err := db.InstallationID(ctx)
	must(t, err)

	return func(t *testing.T, db *store.DB) {
		t.Helper()
		ctx := t.Context()
		equal(t, get(t, ctx, db.InstallationID), installation)
		equal(t, getBy(t, ctx, db.UserByID, user.ID), user)
		equal(t, getBy(t, ctx, db.TakeSignInCode, code.Hash), code)
		equal(t, getBy(t, ctx, db.SessionByHash, session.Hash), session)
		equal(t, getBy(t, ctx, db.TokenByHash, token.Hash), token)
		equal(t, getBy(t, ctx, db.ClusterByID, c.ID), c)
		equal(t, getBy(t, ctx, db.ProcessesByCluster, c.ID), []cluster.Process{process})
		gotSet, gotToken, err := db.CredentialsByCluster(ctx, c.ID)
		must(t, err)
		equal(t, gotSet, credentials)
		equal(t, gotToken, agentToken)
		equal(t, getBy(t, ctx, db.ClusterByAgentToken, agentToken.Hash), c.ID)
		equal(t, getBy(t, ctx, db.ClusterByAgentToken, watchToken), c.ID)
		events, err := db.EventsByCluster(ctx, c.ID, 10)
		must(t, err)
		if len(events) != 1 || events[0].ID == 0 {
			t.Fatalf("events = %v", events)
		}
		event.ID = events[0].ID
		equal(t, events[0], event)
		equal(t, getBy(t, ctx, db.GaugesByCluster, c.ID), gauges)
		batches, err := db.UnfoldedBatches(ctx, c.ID, 10)
		must(t, err)
		equal(t, batches, []usage.RawBatch{batch})
		equal(t, getBy(t, ctx, db.LineUsageByCluster, c.ID), []usage.LineUsage{line})
		equal(t, getBy(t, ctx, db.CategoryUsageByCluster, c.ID), []usage.CategoryUsage{category})
		equal(t, getBy(t, ctx, db.SubmissionsByCluster, c.ID), []usage.Submission{submission})
		facts(t, db)
		groups(t, db)
		software(t, db)
		equal(t, getBy(t, ctx, db.Prices, price.Filter{}), []price.Entry{entry})
		must(t, db.MarkRunning(ctx, noon))
		catalogue := get(t, ctx, db.Catalogue)
		equal(t, catalogue.Segments, []segment.Segment{file})
		equal(t, catalogue.Losses, []segment.Damage{bad})
		if len(catalogue.Marks) != 1 || catalogue.Marks[0].Pair != (segment.Pair{Cluster: c.ID, Hour: noon.UTC().Truncate(time.Hour)}) {
			t.Errorf("marks = %v", catalogue.Marks)
		}
		books.check(t, db)
		reports(t, db)
		got, err := db.SourceByFile(ctx, c.ID, source.File)
		must(t, err)
		equal(t, got, source)
	}
}

// fillGPUs gives a process two GPUs, and returns them as they are to be read: alone on theirs for as long as it runs.
func fillGPUs(t *testing.T, db *store.DB, p cluster.Process) []cluster.GPU {
	t.Helper()
	first := []cluster.GPUPrice{{From: time.Unix(0, 0).UTC(), Hour: 2_500_000_001, Source: "Price book: our list", AsOf: noon.UTC()}}
	gpus := []cluster.GPU{{UUID: "GPU-0", Model: "H200", Index: 1, Prices: first}, {UUID: "GPU-1", Model: "H200", Index: 2, Prices: first}}
	must(t, db.AddGPUs(t.Context(), p, gpus, noon))
	must(t, db.AddGPUs(t.Context(), p, gpus[1:], noon)) // again
	later := cluster.GPUPrice{From: noon.Add(time.Hour).UTC()}
	must(t, db.AddGPUPrices(t.Context(), p, map[string][]cluster.GPUPrice{"H200": {later}}, noon))
	for i := range gpus {
		gpus[i].Prices = append(slices.Clone(first), later)
		gpus[i].Shares = []cluster.GPUShare{{Start: p.StartedAt, End: p.EndedAt, Share: cost.Share{Of: 1}}}
	}
	return gpus
}

// fillReports puts a row into the tables of reports, and returns a check of them.
func fillReports(t *testing.T, db *store.DB, user identity.UserID) func(*testing.T, *store.DB) {
	t.Helper()
	ctx := t.Context()
	subscription := report.Subscription{Address: "ana@example.org", Weekly: true}
	must(t, db.PutSubscription(ctx, user, subscription, "token", noon))
	delivery := report.Delivery{Week: report.Week{Year: 2026, Number: 47}, User: user, Scope: report.ScopeOwn}
	claim := func(db *store.DB) int {
		attempt, err := db.ClaimDelivery(ctx, delivery, noon, noon.Add(-time.Hour), noon.Add(-time.Hour), 3)
		must(t, err)
		return attempt
	}
	if attempt := claim(db); attempt != 1 {
		t.Fatalf("the first attempt is number %d", attempt)
	}
	return func(t *testing.T, db *store.DB) {
		t.Helper()
		equal(t, getBy(t, ctx, db.SubscriptionOf, user), subscription)
		if attempt := claim(db); attempt != 0 {
			t.Errorf("a delivery that is claimed was claimed again, as attempt %d", attempt)
		}
	}
}

// fillGroups puts a row into the tables of groups, with a cluster that one pays for, and returns a check of them.
func fillGroups(t *testing.T, db *store.DB, user identity.User) (check func(t *testing.T, db *store.DB)) {
	t.Helper()
	ctx := t.Context()
	top := identity.Group{ID: "gr_1", Name: "research", Path: "/research", CreatedAt: noon.UTC()}
	below := identity.Group{ID: "gr_2", Name: "genomics", Parent: top.ID, Path: "/research/genomics", CreatedAt: noon.UTC()}
	for _, g := range []identity.Group{top, below} {
		must(t, db.CreateGroup(ctx, g))
		must(t, db.KeepPath(ctx, g.Path, g.ID, noon))
	}
	member := identity.Member{Group: below.ID, User: user, Role: identity.RoleLead, Pays: true}
	must(t, db.PutMember(ctx, member, noon))
	paid := fullCluster(user.ID, "paid", noon)
	paid.GroupID, paid.GroupPath = below.ID, below.Path
	must(t, db.CreateCluster(ctx, paid))
	return func(t *testing.T, db *store.DB) {
		t.Helper()
		ctx := t.Context()
		equal(t, get(t, ctx, db.Groups), []identity.Group{top, below})
		equal(t, getBy(t, ctx, db.GroupOfPath, below.Path), below)
		equal(t, getBy(t, ctx, db.Members, below.ID), []identity.Member{member})
		equal(t, getBy(t, ctx, db.ClusterByID, paid.ID), paid)
	}
}

// fillFacts puts a row into the tables of what a scheduler says, and returns a check of them.
func fillFacts(t *testing.T, db *store.DB, id cluster.ID) (check func(t *testing.T, db *store.DB)) {
	t.Helper()
	ctx := t.Context()
	session := usage.Session{
		ClusterID: id, Client: "Client-1", User: "ana", Host: "laptop", Kind: "notebook", Path: "/home/ana/flights.ipynb", Commit: "c0ffee", Dirty: true,
		Software: usage.Software{Environment: "e0"},
	}
	must(t, db.PutSessions(ctx, []usage.Session{session}))
	origin := usage.Origin{
		ClusterID: id, ID: 3, File: "/home/ana/flights.py", Line: 14, Function: "load", Text: "df = dd.read_csv(path)",
		Callers: []usage.Line{{File: "/home/ana/run.py", Line: 3, Function: "main"}}, Shared: []int64{4, 5},
	}
	must(t, db.PutOrigins(ctx, []usage.Origin{origin}))
	part := usage.Part{ClusterID: id, Submission: 2, Name: "read-csv-0f", Origin: 3}
	must(t, db.PutParts(ctx, []usage.Part{part}))
	read := usage.Read{
		ClusterID: id, Submission: 2, Prefix: "read-csv", Origin: 3, Direction: "read", Format: "csv", Engine: "c", Compression: "gzip",
		Path: "s3://bucket/*.csv", Files: 6, Tasks: 96, Bytes: 1 << 40, Columns: 12, ColumnsUsed: 2, PushedDown: true,
	}
	must(t, db.PutReads(ctx, []usage.Read{read}))
	state := usage.FoldState{ClusterID: id, RulesVersion: 2, Sampled: true}
	must(t, db.NoteFolded(ctx, state))
	return func(t *testing.T, db *store.DB) {
		t.Helper()
		ctx := t.Context()
		equal(t, getBy(t, ctx, db.SessionsByCluster, id), []usage.Session{session})
		equal(t, getBy(t, ctx, db.OriginsByCluster, id), []usage.Origin{origin})
		equal(t, getBy(t, ctx, db.PartsByCluster, id), []usage.Part{part})
		equal(t, getBy(t, ctx, db.ReadsByCluster, id), []usage.Read{read})
		equal(t, getBy(t, ctx, db.FoldStateByCluster, id), state)
	}
}

func get[V any](t *testing.T, ctx context.Context, f func(context.Context) (V, error)) V {
	t.Helper()
	v, err := f(ctx)
	must(t, err)
	return v
}

func getBy[K, V any](t *testing.T, ctx context.Context, f func(context.Context, K) (V, error), key K) V {
	t.Helper()
	v, err := f(ctx, key)
	must(t, err)
	return v
}
