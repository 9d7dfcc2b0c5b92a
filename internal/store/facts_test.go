package store_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// TestFactsAreReplaced puts facts twice: the last word counts, between calls and within one.
func TestFactsAreReplaced(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c, other := newCluster(t, db), newCluster(t, db)
		check := fillFacts(t, db, c.ID)
		foreign := fillFacts(t, db, other.ID)
		check(t, db)

		session := getBy(t, ctx, db.SessionsByCluster, c.ID)[0]
		session.Path, session.Dirty = "/home/ana/other.py", false
		must(t, db.PutSessions(ctx, []usage.Session{{ClusterID: c.ID, Client: session.Client}, session}))
		equal(t, getBy(t, ctx, db.SessionsByCluster, c.ID), []usage.Session{session})

		origin := getBy(t, ctx, db.OriginsByCluster, c.ID)[0]
		origin.Line, origin.Callers, origin.Shared = 15, nil, nil
		ten := usage.Origin{ClusterID: c.ID, ID: 10, File: "cell:0", Line: 1, Text: "x = \"\x00\"\n"}
		must(t, db.PutOrigins(ctx, []usage.Origin{ten, {ClusterID: c.ID, ID: origin.ID}, origin}))
		ten.Text = strings.ReplaceAll(ten.Text, "\x00", "\uFFFD")
		equal(t, getBy(t, ctx, db.OriginsByCluster, c.ID), []usage.Origin{origin, ten})

		part := getBy(t, ctx, db.PartsByCluster, c.ID)[0]
		part.Origin = 10
		long := usage.Part{ClusterID: c.ID, Submission: 1, Name: strings.Repeat("n", 4000), Origin: 3} // too long for an index of PostgreSQL
		must(t, db.PutParts(ctx, []usage.Part{part, long}))
		equal(t, getBy(t, ctx, db.PartsByCluster, c.ID), []usage.Part{long, part})

		read := getBy(t, ctx, db.ReadsByCluster, c.ID)[0]
		read.Bytes, read.PushedDown, read.Engine = 7, false, "pyarrow"
		written := read
		written.Direction = "write"
		must(t, db.PutReads(ctx, []usage.Read{read, written}))
		equal(t, getBy(t, ctx, db.ReadsByCluster, c.ID), []usage.Read{read, written})
		foreign(t, db)
	})
}

func TestManyFactsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := newCluster(t, db)
		origins := make([]usage.Origin, 1000)
		for i := range origins {
			origins[i] = usage.Origin{ClusterID: c.ID, ID: int64(i + 1), File: "/a.py", Line: i}
		}
		must(t, db.PutOrigins(ctx, origins))
		must(t, db.PutOrigins(ctx, origins))
		equal(t, getBy(t, ctx, db.OriginsByCluster, c.ID), origins)
	})
}

// TestUnfold checks that a cluster's sums go, its worker batches wait again, and nothing of another cluster moves.
func TestUnfold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c, other := newCluster(t, db), newCluster(t, db)
		_, err := db.FoldStateByCluster(ctx, c.ID)
		wantKind(t, err, errs.NotFound)
		fold := func(id cluster.ID, version int) []usage.RawBatch {
			batches := []usage.RawBatch{newBatch(id, "e", 0), newBatch(id, "e", 1), newBatch(id, "s", 0)}
			batches[2].Kind = usage.KindScheduler
			_, err := db.AppendBatches(ctx, batches)
			must(t, err)
			must(t, db.Atomically(ctx, func(ctx context.Context) error {
				for _, b := range batches[1:] { // the first still waits
					if err := db.MarkFolded(ctx, b); err != nil {
						return err
					}
				}
				if err := db.AddLineUsage(ctx, []usage.LineUsage{{ClusterID: id, ProcessID: "p", HourAt: noon, ThreadMicros: 1}}); err != nil {
					return err
				}
				if err := db.AddCategoryUsage(ctx, []usage.CategoryUsage{{ClusterID: id, ProcessID: "p", StartAt: noon, EndAt: noon}}); err != nil {
					return err
				}
				return db.NoteFolded(ctx, usage.FoldState{ClusterID: id, RulesVersion: version})
			}))
			return batches
		}
		mine := fold(c.ID, 1)
		fold(other.ID, 4)
		must(t, db.NoteFolded(ctx, usage.FoldState{ClusterID: other.ID, RulesVersion: 3}))
		must(t, db.NoteFolded(ctx, usage.FoldState{ClusterID: other.ID, RulesVersion: 2}))
		must(t, db.NoteFolded(ctx, usage.FoldState{ClusterID: c.ID, RulesVersion: 2, Sampled: true})) // the oldest version stays
		equal(t, getBy(t, ctx, db.FoldStateByCluster, c.ID), usage.FoldState{ClusterID: c.ID, RulesVersion: 1, Sampled: true})
		outdated, err := db.OutdatedClusters(ctx, 2, 10)
		must(t, err)
		equal(t, outdated, []cluster.ID{c.ID})
		outdated, err = db.OutdatedClusters(ctx, 3, 1)
		must(t, err)
		equal(t, outdated, []cluster.ID{max(c.ID, other.ID)})

		if err := db.Unfold(ctx, c.ID, 2); err == nil {
			t.Error("unfolding outside a transaction went through")
		}
		must(t, db.Atomically(ctx, func(ctx context.Context) error { return db.Unfold(ctx, c.ID, 2) }))
		waiting, err := db.UnfoldedBatches(ctx, c.ID, 0)
		must(t, err)
		mine[1].Again = true
		equal(t, waiting, mine[:2])
		equal(t, len(getBy(t, ctx, db.LineUsageByCluster, c.ID))+len(getBy(t, ctx, db.CategoryUsageByCluster, c.ID)), 0)
		equal(t, getBy(t, ctx, db.FoldStateByCluster, c.ID).RulesVersion, 2)
		equal(t, len(getBy(t, ctx, db.LineUsageByCluster, other.ID))+len(getBy(t, ctx, db.CategoryUsageByCluster, other.ID)), 2)
		waiting, err = db.UnfoldedBatches(ctx, other.ID, 0)
		must(t, err)
		equal(t, len(waiting), 1)
	})
}

// TestUpgradeFromTheFirstSchema fills a database of schema 1, brings it to the newest, and checks that time and money stay, and that the server knows which
// clusters have all their batches.
func TestUpgradeFromTheFirstSchema(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			cfg := storetest.Config(t, engine)
			db, err := store.Open(ctx, cfg) // makes the folder
			must(t, err)
			must(t, db.Close())
			plain := raw(t, cfg)
			dialect, blob := goose.DialectSQLite3, `X'6b'`
			if engine == store.Postgres {
				dialect, blob = goose.DialectPostgres, `'\x6b'`
				_, err := plain.ExecContext(ctx, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
				must(t, err)
			}
			first := fstest.MapFS{"0001_initial.sql": {Data: []byte(store.Migrations(engine)[0])}}
			provider, err := goose.NewProvider(dialect, plain, first, goose.WithDisableGlobalRegistry(true))
			must(t, err)
			_, err = provider.Up(ctx)
			must(t, err)
			for _, statement := range []string{
				`INSERT INTO users (id, name, role, created_at) VALUES ('us_1', 'ana', 'user', 1)`,
				clusterOfBefore("cl_whole"), clusterOfBefore("cl_cut"), clusterOfBefore("cl_gone"), clusterOfBefore("cl_silent"),
				batchOfBefore("cl_whole", "0", blob), batchOfBefore("cl_whole", "1", blob), batchOfBefore("cl_cut", "1", blob),
				windowOfBefore("cl_whole"), windowOfBefore("cl_cut"), windowOfBefore("cl_gone"),
				`INSERT INTO line_usage (cluster_id, process_id, hour_at, key, submission, prefix, file, line, function, thread_micros, cpu_micros)
					VALUES ('cl_whole', 'p', 0, ` + blob + `, 1, 'inc', '/a.py', 3, 'f', 40, 30)`,
				`INSERT INTO submissions (cluster_id, id, at, client, file, line, function, text, tasks) VALUES ('cl_whole', 1, 5, 'c', '/a.py', 9, 'f', 'x', 7)`,
			} {
				if _, err := plain.ExecContext(ctx, statement); err != nil {
					t.Fatalf("%v: %s", err, statement)
				}
			}
			must(t, plain.Close())

			db, err = store.Open(ctx, cfg)
			must(t, err)
			defer db.Close()
			must(t, db.Migrate(ctx))
			line := usage.LineUsage{
				ClusterID: "cl_whole", ProcessID: "p", HourAt: time.UnixMicro(0).UTC(), Submission: 1, Prefix: "inc", Line: usage.Line{File: "/a.py", Line: 3, Function: "f"},
				Operation: "unknown", ThreadMicros: 40, CPUMicros: 30,
			}
			equal(t, getBy(t, ctx, db.LineUsageByCluster, "cl_whole"), []usage.LineUsage{line})
			equal(t, getBy(t, ctx, db.SubmissionsByCluster, "cl_whole"), []usage.Submission{
				{ClusterID: "cl_whole", ID: 1, At: time.UnixMicro(5).UTC(), Client: "c", File: "/a.py", Line: 9, Function: "f", Text: "x", Tasks: 7},
			})
			must(t, db.AddLineUsage(ctx, []usage.LineUsage{line})) // a row from before keeps its key: both count
			var sum int64
			for _, l := range getBy(t, ctx, db.LineUsageByCluster, "cl_whole") {
				sum += l.ThreadMicros
			}
			equal(t, sum, int64(80))
			for id, dropped := range map[cluster.ID]int64{"cl_whole": 0, "cl_cut": 1, "cl_gone": 1} {
				equal(t, getBy(t, ctx, db.FoldStateByCluster, id), usage.FoldState{ClusterID: id, DroppedBatches: dropped})
			}
			_, err = db.FoldStateByCluster(ctx, "cl_silent")
			wantKind(t, err, errs.NotFound)
			outdated, err := db.OutdatedClusters(ctx, 1, 10)
			must(t, err)
			equal(t, outdated, []cluster.ID{"cl_whole"})
		})
	}
}

func clusterOfBefore(id string) string {
	return `INSERT INTO clusters (id, name, owner_id, backend, workers, threads, memory_bytes, python, env, status, target, reason, scheduler_address,
			dashboard_url, created_at)
		VALUES ('` + id + `', '` + id + `', 'us_1', 'local', 1, 1, 1, '', '{}', 'stopped', 'stopped', '', '', '', 1)`
}

func batchOfBefore(id, seq, payload string) string {
	return `INSERT INTO batches (cluster_id, process_id, kind, epoch, seq, received_at, payload)
		VALUES ('` + id + `', 'p', 'worker', 'e', ` + seq + `, 1, ` + payload + `)`
}

func windowOfBefore(id string) string {
	return `INSERT INTO category_usage (cluster_id, process_id, epoch, start_at, category, end_at, final, thread_micros)
		VALUES ('` + id + `', 'p', 'e', 1, 'work', 2, FALSE, 3)`
}
