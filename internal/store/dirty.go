package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// Whatever changes what a cluster spent in an hour marks that hour, in the same transaction. It may mark more than it changes, never less. What spending depends on
// is written in internal/core/bill; docs/cost.md lists it.

const (
	// open is the end of a stretch that goes on.
	open = math.MaxInt64
	// clockSlack is how far clocks of schedulers, workers and the server may differ: what a scheduler tells of work is told of work since then.
	clockSlack = 5 * time.Minute
	// maxMarked bounds the hours that are marked one by one; a longer stretch is left to ExpandStale.
	maxMarked = 48
	// expandAtOnce bounds how many clusters' stretches are expanded in one transaction.
	expandAtOnce = 50
)

var (
	markDirty = newBulk(`INSERT INTO warehouse_dirty (cluster_id, hour_at, stamp, marked_at)`, 4,
		`ON CONFLICT (cluster_id, hour_at) DO UPDATE SET stamp = excluded.stamp`)
	// neighbours finds what stands around windows: a window changes what the time between its neighbours counts as.
	neighbours = newTypedBulk(`WITH w (process_id, first_at, last_at) AS (`, []string{"TEXT", "BIGINT", "BIGINT"}, `)
SELECT w.process_id, p.started_at, p.ended_at, c.ended_at,
    (SELECT u.end_at FROM category_usage u WHERE u.cluster_id = p.cluster_id AND u.process_id = p.id AND u.start_at < w.first_at ORDER BY u.start_at DESC LIMIT 1),
    (SELECT u.start_at FROM category_usage u WHERE u.cluster_id = p.cluster_id AND u.process_id = p.id AND u.start_at >= w.last_at ORDER BY u.start_at LIMIT 1)
FROM w JOIN processes p ON p.id = w.process_id JOIN clusters c ON c.id = p.cluster_id WHERE p.started_at IS NOT NULL`)
	// changedSubmissions and changedOrigins find the clusters of rows that say another line, or other tags, than what is there.
	changedSubmissions = newTypedBulk(`WITH w (cluster_id, id, file, line, function, tags) AS (`, []string{"TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT", "TEXT"}, `)
SELECT DISTINCT s.cluster_id FROM w JOIN submissions s ON s.cluster_id = w.cluster_id AND s.id = w.id
WHERE s.file <> w.file OR s.line <> w.line OR s.function <> w.function OR s.tags <> w.tags`)
	changedOrigins = newTypedBulk(`WITH w (cluster_id, id, file, line, function) AS (`, []string{"TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT"}, `)
SELECT DISTINCT o.cluster_id FROM w JOIN origins o ON o.cluster_id = w.cluster_id AND o.id = w.id
WHERE o.file <> w.file OR o.line <> w.line OR o.function <> w.function`)
)

const (
	microsPerHour = int64(time.Hour / time.Microsecond)
	microsPerDay  = 24 * microsPerHour
)

func hourAt(us int64) int64 {
	if us < 0 {
		return 0 // nobody's clock stands before 1970
	}
	return us - us%microsPerHour
}

// pairKey is an hour of a cluster.
type pairKey struct {
	clusterID string
	hourAt    int64
}

// marks collects what a transaction is going to mark.
type marks struct {
	hours map[pairKey]bool
	stale map[string][2]int64
}

// hour marks one hour.
func (m *marks) hour(clusterID string, at int64) {
	if m.hours == nil {
		m.hours = map[pairKey]bool{}
	}
	m.hours[pairKey{clusterID, hourAt(at)}] = true
}

// stretch marks the hours that [from, until] touches.
func (m *marks) stretch(clusterID string, from, until int64) {
	from = hourAt(from)
	if until < from {
		return
	}
	if until-from < maxMarked*microsPerHour {
		for at := from; at <= until; at += microsPerHour {
			m.hour(clusterID, at)
		}
		return
	}
	if m.stale == nil {
		m.stale = map[string][2]int64{}
	}
	if was, ok := m.stale[clusterID]; ok {
		from, until = min(was[0], from), max(was[1], until)
	}
	m.stale[clusterID] = [2]int64{from, until}
}

// mark writes marks.
func (db *DB) mark(ctx context.Context, m marks) error {
	keys := slices.SortedFunc(maps.Keys(m.hours), func(a, b pairKey) int {
		return cmp.Or(cmp.Compare(a.clusterID, b.clusterID), cmp.Compare(a.hourAt, b.hourAt))
	})
	now := micros(time.Now())
	err := db.exec(ctx, "mark hours", markDirty, len(keys), func(to []any, i int) []any {
		return append(to, keys[i].clusterID, keys[i].hourAt, newStamp(), now)
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(m.stale)) {
		stretch := m.stale[id]
		if err := db.write(ctx).MarkStale(ctx, sqlcgen.MarkStaleParams{ClusterID: id, FromAt: stretch[0], UntilAt: stretch[1]}); err != nil {
			return fail("mark a stretch", err)
		}
	}
	return nil
}

// markCluster marks all hours of a cluster.
func (db *DB) markCluster(ctx context.Context, id string) error {
	return fail("mark a cluster", db.write(ctx).MarkClusterStale(ctx, sqlcgen.MarkClusterStaleParams{Open: open, ClusterID: id}))
}

// MarkSince marks the hours of a cluster since a moment: a scheduler has told of work that began then or later.
func (db *DB) MarkSince(ctx context.Context, id cluster.ID, since time.Time) error {
	var m marks
	m.stretch(string(id), micros(since.Add(-clockSlack)), open)
	return db.mark(ctx, m)
}

// window is the time between the first and the last of a process's new windows.
type window struct {
	clusterID, processID string
	first, last          int64
}

// markWindows marks what new windows change, before they are written: their hours, the time since the window before and until the one after, and, where clocks
// differ, the first or the last hour of the process.
func (db *DB) markWindows(ctx context.Context, rows []usage.CategoryUsage) error {
	found := map[string]*window{}
	for _, r := range rows {
		id, first, last := text(string(r.ProcessID)), micros(r.StartAt), micros(r.EndAt)
		w, ok := found[id]
		if !ok {
			w = &window{string(r.ClusterID), id, first, last}
			found[id] = w
		}
		w.first, w.last = min(w.first, first), max(w.last, last)
	}
	order := slices.Sorted(maps.Keys(found))
	run := db.runner(ctx, db.writer)
	var m marks
	err := neighbours.each(db.engine, len(order), func(to []any, i int) []any {
		w := found[order[i]]
		return append(to, w.processID, w.first, w.last)
	}, func(query string, args []any) error {
		rows, err := run.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var started int64
			var ended, clusterEnded, before, after sql.NullInt64
			if err := rows.Scan(&id, &started, &ended, &clusterEnded, &before, &after); err != nil {
				return err
			}
			m.window(found[id], started, earliest(ended, clusterEnded), before, after)
		}
		return rows.Err()
	})
	if err != nil {
		return fail("look around windows", err)
	}
	return db.mark(ctx, m)
}

// window marks what a window changes of a process that was paid for from started until end.
func (m *marks) window(w *window, started, end int64, before, after sql.NullInt64) {
	from, until := w.first, w.last
	if before.Valid {
		from = min(from, before.Int64)
	} else {
		from = min(from, started) // it was starting until then
	}
	switch {
	case after.Valid:
		until = max(until, after.Int64)
	case end != open:
		until = max(until, end) // it was closing, or lost, since then
	}
	clamp := func(at int64) int64 { return max(min(at, end-1), started) }
	m.stretch(w.clusterID, clamp(from), clamp(until-1))
}

// earliest returns the earliest of some moments, open if none is known.
func earliest(moments ...sql.NullInt64) int64 {
	at := int64(open)
	for _, moment := range moments {
		if moment.Valid {
			at = min(at, moment.Int64)
		}
	}
	return at
}

// markProcess marks what changes where a process becomes another: its cost since it started, or what followed its last window where only its end is new.
func (db *DB) markProcess(ctx context.Context, was *cluster.Process, is cluster.Process) error {
	if is.StartedAt.IsZero() && (was == nil || was.StartedAt.IsZero()) {
		return nil // it has cost nothing
	}
	from, until := spanOf(is)
	if was != nil {
		if spent(*was) == spent(is) {
			return nil
		}
		first, last := spanOf(*was)
		from, until = min(first, from), max(last, until)
		if same := *was; spent(withEnd(same, is)) == spent(is) { // nothing but its end is new
			end, err := db.lastWindowEnd(ctx, is)
			if err != nil {
				return err
			}
			from = max(from, min(end, endOf(*was), endOf(is)))
		}
	}
	var m marks
	m.stretch(string(is.ClusterID), from, until)
	return db.mark(ctx, m)
}

// spending is what a process's cost depends on.
type spending struct {
	role    cluster.Role
	threads int
	// memory is in the first rate already; prices that came later are multiplied by it, too.
	memory         int64
	nanosPerHour   int64
	started, ended int64
}

func spent(p cluster.Process) spending {
	s := spending{role: p.Role, threads: p.Threads, memory: p.MemoryBytes, nanosPerHour: int64(p.Rate.NanosPerHour)}
	if !p.StartedAt.IsZero() {
		s.started = micros(p.StartedAt)
	}
	if !p.EndedAt.IsZero() {
		s.ended = micros(p.EndedAt)
	}
	return s
}

func withEnd(p, of cluster.Process) cluster.Process {
	p.EndedAt = of.EndedAt
	return p
}

// endOf returns the last moment of a process.
func endOf(p cluster.Process) int64 {
	if p.EndedAt.IsZero() {
		return open
	}
	return micros(p.EndedAt) - 1
}

// spanOf returns when a process started and ended; an empty span if it never started.
func spanOf(p cluster.Process) (from, until int64) {
	if p.StartedAt.IsZero() {
		return open, 0
	}
	return micros(p.StartedAt), endOf(p)
}

// lastWindowEnd returns where the last window of a process ends, or its start if there is none.
func (db *DB) lastWindowEnd(ctx context.Context, p cluster.Process) (int64, error) {
	end, err := db.read(ctx).GetLastWindowEnd(ctx, sqlcgen.GetLastWindowEndParams{ClusterID: string(p.ClusterID), ProcessID: text(string(p.ID))})
	if errors.Is(err, sql.ErrNoRows) {
		return micros(p.StartedAt), nil
	}
	return end, fail("find the last window", err)
}

// markClusterRow marks what changes where a cluster's row becomes another.
func (db *DB) markClusterRow(ctx context.Context, was, is cluster.Cluster) error {
	if text(is.Name) != was.Name {
		return db.markCluster(ctx, string(is.ID))
	}
	if maybeMicros(is.EndedAt) == maybeMicros(was.EndedAt) {
		return nil
	}
	// Nothing is paid for after a cluster's end, whatever its processes' rows say.
	end := int64(open)
	for _, at := range []time.Time{was.EndedAt, is.EndedAt} {
		if !at.IsZero() {
			end = min(end, micros(at))
		}
	}
	from, err := db.read(ctx).GetOutliving(ctx, sqlcgen.GetOutlivingParams{ClusterID: string(is.ID), After: end})
	if err != nil {
		return fail("find what outlives a cluster", err)
	}
	if from == 0 {
		return nil
	}
	var m marks
	m.stretch(string(is.ID), min(from, end-1), open)
	return db.mark(ctx, m)
}

// markChanged marks all hours of the clusters that a query finds.
func (db *DB) markChanged(ctx context.Context, changed bulk, rows int, args func(to []any, i int) []any) error {
	run := db.runner(ctx, db.writer)
	var ids []string
	err := changed.each(db.engine, rows, args, func(query string, args []any) error {
		rows, err := run.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	if err != nil {
		return fail("look for what is told otherwise", err)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if err := db.markCluster(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// together runs f in one transaction: the caller's, without a savepoint, if there is one.
func (db *DB) together(ctx context.Context, f func(ctx context.Context) error) error {
	if db.txFrom(ctx) != nil {
		return f(ctx)
	}
	return db.Atomically(ctx, f)
}

// MarkRunning sees to it that each hour up to the one of now is marked for each cluster that ran in it: what runs costs something though nothing is reported.
// Then it expands what was marked as a stretch.
func (db *DB) MarkRunning(ctx context.Context, now time.Time) error {
	next := hourAt(micros(now)) + microsPerHour
	err := db.Atomically(ctx, func(ctx context.Context) error {
		q := db.write(ctx)
		horizon, err := q.GetHorizon(ctx)
		if err != nil || horizon >= next {
			return fail("read how far hours are marked", err)
		}
		if err := q.MarkRunningStale(ctx, sqlcgen.MarkRunningStaleParams{Since: horizon, Open: open}); err != nil {
			return fail("mark what runs", err)
		}
		return fail("note how far hours are marked", q.SetHorizon(ctx, next))
	})
	if err != nil {
		return err
	}
	for {
		n, err := db.expandStale(ctx, next-1)
		if err != nil || n < expandAtOnce {
			return err
		}
	}
}

// MarkUncovered marks the hours of clusters in days before the one of now that have no segment of a table: somebody has taken it out of the catalogue, because its
// file was damaged or lost.
func (db *DB) MarkUncovered(ctx context.Context, table string, now time.Time) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		segments, err := db.read(ctx).ListSegments(ctx)
		if err != nil {
			return fail("list segments", err)
		}
		covered := map[int64]bool{}
		for _, s := range segments {
			covered[s.DayAt] = covered[s.DayAt] || s.TableName == table
		}
		today := micros(now) - micros(now)%microsPerDay
		return db.markDays(ctx, now, func(day int64) bool { return day < today && !covered[day] })
	})
}

// markDays marks the hours of some UTC days, up to now, of the clusters that ran in them.
func (db *DB) markDays(ctx context.Context, now time.Time, wanted func(day int64) bool) error {
	lives, err := db.read(ctx).ListClusterLives(ctx, micros(now))
	if err != nil {
		return fail("list the lives of clusters", err)
	}
	var m marks
	for _, life := range lives {
		for day := life.FromAt - life.FromAt%microsPerDay; day < life.UntilAt; day += microsPerDay {
			if wanted(day) {
				m.stretch(life.ClusterID, max(day, life.FromAt), min(day+microsPerDay, life.UntilAt)-1)
			}
		}
	}
	return db.mark(ctx, m)
}

// expandStale marks the hours of some stretches one by one, up to a moment, and forgets the stretches: what comes later is marked when its hour has come.
func (db *DB) expandStale(ctx context.Context, until int64) (int, error) {
	n := 0
	err := db.Atomically(ctx, func(ctx context.Context) error {
		q := db.write(ctx)
		stretches, err := q.ListStale(ctx, sqlcgen.ListStaleParams{Until: until, MaxRows: expandAtOnce})
		if err != nil {
			return fail("list stretches", err)
		}
		n = len(stretches)
		var m marks
		for _, s := range stretches {
			for at := hourAt(s.FromAt); at <= min(s.UntilAt, until); at += microsPerHour {
				m.hour(s.ClusterID, at)
			}
			if err := q.DeleteStale(ctx, s.ClusterID); err != nil {
				return fail("forget a stretch", err)
			}
		}
		return db.mark(ctx, m)
	})
	return n, err
}
