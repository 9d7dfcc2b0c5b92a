package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// keyLength is how much of a SHA-256 identifies a row.
const keyLength = 16

var (
	addLineUsage = newBulk(
		`INSERT INTO line_usage (cluster_id, process_id, hour_at, key, submission, prefix, file, line, function, thread_micros, cpu_micros,
    origin, part, operation, library, native_micros)`, 16,
		`ON CONFLICT (cluster_id, process_id, hour_at, key) DO UPDATE
SET thread_micros = line_usage.thread_micros + excluded.thread_micros, cpu_micros = line_usage.cpu_micros + excluded.cpu_micros,
    native_micros = line_usage.native_micros + excluded.native_micros`)
	addCategoryUsage = newBulk(
		`INSERT INTO category_usage (cluster_id, process_id, epoch, start_at, category, end_at, final, thread_micros)`, 8,
		`ON CONFLICT (cluster_id, process_id, start_at, epoch, category) DO UPDATE
SET thread_micros = category_usage.thread_micros + excluded.thread_micros,
    end_at = CASE WHEN excluded.end_at > category_usage.end_at THEN excluded.end_at ELSE category_usage.end_at END,
    final = (category_usage.final OR excluded.final)`)
)

// hashKey identifies texts of any length by a short key. Lengths go in, so that moving a boundary changes the key.
func hashKey(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		var length [8]byte
		binary.LittleEndian.PutUint64(length[:], uint64(len(p)))
		h.Write(length[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)[:keyLength]
}

// exec runs a bulk statement in one transaction, the caller's if there is one. There it takes no savepoint, which folding would take twice
// for each batch: a caller that gets an error lets its transaction fail.
func (db *DB) exec(ctx context.Context, op string, b bulk, rows int, args func(to []any, i int) []any) error {
	if rows == 0 {
		return nil
	}
	insert := func(ctx context.Context) error {
		run := db.runner(ctx, db.writer)
		return fail(op, b.each(rows, args, func(text string, args []any) error {
			_, err := run.ExecContext(ctx, text, args...)
			return err
		}))
	}
	if db.txFrom(ctx) != nil {
		return insert(ctx)
	}
	return db.Atomically(ctx, insert)
}

// AddLineUsage adds thread-time to what is there under the same keys.
func (db *DB) AddLineUsage(ctx context.Context, rows []usage.LineUsage) error {
	// One statement may touch a row only once, so equal keys are summed here first; and in one order everywhere, against deadlocks.
	index := make(map[usage.LineUsage]int, len(rows))
	sums := make([]usage.LineUsage, 0, len(rows))
	for _, r := range rows {
		r.ProcessID, r.Prefix, r.Part = cluster.ProcessID(text(string(r.ProcessID))), text(r.Prefix), text(r.Part)
		r.Line.File, r.Line.Function = text(r.Line.File), text(r.Line.Function)
		key := r
		key.HourAt, key.ThreadMicros, key.CPUMicros, key.NativeMicros = fromMicros(micros(r.HourAt)), 0, 0, 0
		if i, ok := index[key]; ok {
			sums[i].ThreadMicros += r.ThreadMicros
			sums[i].CPUMicros += r.CPUMicros
			sums[i].NativeMicros += r.NativeMicros
			continue
		}
		index[key] = len(sums)
		sums = append(sums, r)
	}
	slices.SortFunc(sums, compareLineUsage)
	return db.exec(ctx, "add line usage", addLineUsage, len(sums), func(to []any, i int) []any {
		r := sums[i]
		key := hashKey(strconv.FormatInt(r.Submission, 10), r.Prefix, r.Line.File, strconv.Itoa(r.Line.Line), r.Line.Function,
			strconv.FormatInt(r.Origin, 10), r.Part, r.Operation, r.Library)
		return append(to, string(r.ClusterID), string(r.ProcessID), micros(r.HourAt), key, r.Submission, r.Prefix,
			r.Line.File, int64(r.Line.Line), r.Line.Function, r.ThreadMicros, r.CPUMicros, r.Origin, r.Part, r.Operation, r.Library, r.NativeMicros)
	})
}

func compareLineUsage(a, b usage.LineUsage) int {
	return cmp.Or(
		cmp.Compare(a.ClusterID, b.ClusterID), cmp.Compare(a.ProcessID, b.ProcessID), a.HourAt.Compare(b.HourAt),
		cmp.Compare(a.Submission, b.Submission), cmp.Compare(a.Prefix, b.Prefix),
		cmp.Compare(a.Line.File, b.Line.File), cmp.Compare(a.Line.Line, b.Line.Line), cmp.Compare(a.Line.Function, b.Line.Function),
		cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Part, b.Part), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Library, b.Library),
	)
}

// AddCategoryUsage adds thread-time to what is there under the same process, epoch, start and category. It marks the hours that this changes; those of
// the same windows' lines are among them.
func (db *DB) AddCategoryUsage(ctx context.Context, rows []usage.CategoryUsage) error {
	type rowKey struct {
		clusterID       cluster.ID
		processID       cluster.ProcessID
		epoch, category string
		startAt         int64
	}
	index := make(map[rowKey]int, len(rows))
	sums := make([]usage.CategoryUsage, 0, len(rows))
	for _, r := range rows {
		r.ProcessID, r.Epoch, r.Category = cluster.ProcessID(text(string(r.ProcessID))), text(r.Epoch), text(r.Category)
		key := rowKey{r.ClusterID, r.ProcessID, r.Epoch, r.Category, micros(r.StartAt)}
		if i, ok := index[key]; ok {
			sums[i].ThreadMicros += r.ThreadMicros
			sums[i].Final = sums[i].Final || r.Final
			if r.EndAt.After(sums[i].EndAt) {
				sums[i].EndAt = r.EndAt
			}
			continue
		}
		index[key] = len(sums)
		sums = append(sums, r)
	}
	slices.SortFunc(sums, func(a, b usage.CategoryUsage) int {
		return cmp.Or(
			cmp.Compare(a.ClusterID, b.ClusterID), cmp.Compare(a.ProcessID, b.ProcessID), a.StartAt.Compare(b.StartAt),
			cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Category, b.Category),
		)
	})
	return db.together(ctx, func(ctx context.Context) error {
		if err := db.markWindows(ctx, sums); err != nil {
			return err
		}
		return db.exec(ctx, "add category usage", addCategoryUsage, len(sums), func(to []any, i int) []any {
			r := sums[i]
			return append(to, string(r.ClusterID), string(r.ProcessID), r.Epoch, micros(r.StartAt), r.Category, micros(r.EndAt), r.Final, r.ThreadMicros)
		})
	})
}

// LineUsageByCluster returns a cluster's thread-time on lines, ordered by process, hour, submission, prefix, line, origin and class.
func (db *DB) LineUsageByCluster(ctx context.Context, id cluster.ID) ([]usage.LineUsage, error) {
	rows, err := db.read(ctx).ListLineUsageByCluster(ctx, string(id))
	return convert(rows, lineUsageFromDB), fail("list line usage", err)
}

// CategoryUsageByCluster returns a cluster's windows ordered by process and start.
func (db *DB) CategoryUsageByCluster(ctx context.Context, id cluster.ID) ([]usage.CategoryUsage, error) {
	rows, err := db.read(ctx).ListCategoryUsageByCluster(ctx, string(id))
	return convert(rows, categoryUsageFromDB), fail("list category usage", err)
}

// LineUsageOfHours returns what LineUsageByCluster does, of the hours [since, until) as a bill as of a moment divides them.
func (db *DB) LineUsageOfHours(ctx context.Context, id cluster.ID, since, until, asOf time.Time) ([]usage.LineUsage, error) {
	rows, err := db.read(ctx).ListLineUsageOfHours(ctx, sqlcgen.ListLineUsageOfHoursParams{
		Since: micros(since), AsOf: micros(asOf), Until: micros(until), Forever: open, ClusterID: string(id),
	})
	return convert(rows, lineUsageFromDB), fail("list line usage of hours", err)
}

// CategoryUsageOfHours returns what CategoryUsageByCluster does, of those hours and what stands around them.
func (db *DB) CategoryUsageOfHours(ctx context.Context, id cluster.ID, since, until, asOf time.Time) ([]usage.CategoryUsage, error) {
	rows, err := db.read(ctx).ListCategoryUsageOfHours(ctx, sqlcgen.ListCategoryUsageOfHoursParams{
		Since: micros(since), Hour: microsPerHour, AsOf: micros(asOf), Until: micros(until), Forever: open, ClusterID: string(id),
	})
	return convert(rows, categoryUsageFromDB), fail("list category usage of hours", err)
}

// PutSubmissions keeps submissions; one that is there already is replaced, and if it says something else, its cluster is marked. What is new needs MarkSince.
func (db *DB) PutSubmissions(ctx context.Context, subs []usage.Submission) error {
	if len(subs) == 0 {
		return nil
	}
	return db.Atomically(ctx, func(ctx context.Context) error {
		err := db.markChanged(ctx, changedSubmissions, len(subs), func(to []any, i int) []any {
			s := subs[i]
			return append(to, string(s.ClusterID), s.ID, text(s.File), int64(s.Line), text(s.Function), jsonToDB(s.Tags, "{}"))
		})
		if err != nil {
			return err
		}
		q := db.write(ctx)
		for _, s := range subs {
			err := q.PutSubmission(ctx, sqlcgen.PutSubmissionParams{
				ClusterID: string(s.ClusterID), ID: s.ID, At: micros(s.At), Client: text(s.Client), File: text(s.File), Line: int64(s.Line),
				Function: text(s.Function), Text: text(s.Text), Tasks: s.Tasks,
				Tags: jsonToDB(s.Tags, "{}"), Span: jsonToDB(s.Span, "[]"), Levels: jsonToDB(s.Levels, "{}"),
			})
			if err != nil {
				return fail("put a submission", err)
			}
		}
		return nil
	})
}

// SubmissionByID finds a submission of a cluster.
func (db *DB) SubmissionByID(ctx context.Context, id cluster.ID, submission int64) (usage.Submission, error) {
	row, err := db.read(ctx).GetSubmissionByID(ctx, sqlcgen.GetSubmissionByIDParams{ClusterID: string(id), ID: submission})
	if err != nil {
		return usage.Submission{}, found("read a submission", "submission", err)
	}
	return submissionFromDB(row), nil
}

// SubmissionsByCluster returns a cluster's submissions in the order of their ids.
func (db *DB) SubmissionsByCluster(ctx context.Context, id cluster.ID) ([]usage.Submission, error) {
	rows, err := db.read(ctx).ListSubmissionsByCluster(ctx, string(id))
	return convert(rows, submissionFromDB), fail("list submissions", err)
}

// PutSource keeps the text of a file; a file has one text, the last one.
func (db *DB) PutSource(ctx context.Context, s usage.Source) error {
	return fail("put a source", db.write(ctx).PutSource(ctx, sqlcgen.PutSourceParams{
		ClusterID: string(s.ClusterID), Key: hashKey(text(s.File)), File: text(s.File), Sha256: text(s.SHA256), Text: text(s.Text),
	}))
}

// FilesWithoutSource returns the files of a cluster's lines, submissions and origins that begin with prefix and whose text is not there, by name.
// The prefix holds no wildcard of LIKE.
func (db *DB) FilesWithoutSource(ctx context.Context, id cluster.ID, prefix string) ([]string, error) {
	files, err := db.read(ctx).ListFilesWithoutSource(ctx, sqlcgen.ListFilesWithoutSourceParams{ClusterID: string(id), File: prefix + "%"})
	return files, fail("list files without a source", err)
}

// ListSources returns a cluster's files by name, without their texts.
func (db *DB) ListSources(ctx context.Context, id cluster.ID) ([]usage.Source, error) {
	rows, err := db.read(ctx).ListSourcesByCluster(ctx, string(id))
	return convert(rows, func(r sqlcgen.ListSourcesByClusterRow) usage.Source {
		return usage.Source{ClusterID: cluster.ID(r.ClusterID), File: r.File, SHA256: r.Sha256}
	}), fail("list sources", err)
}

// SourceByFile returns the text of a file.
func (db *DB) SourceByFile(ctx context.Context, id cluster.ID, file string) (usage.Source, error) {
	row, err := db.read(ctx).GetSourceByFile(ctx, sqlcgen.GetSourceByFileParams{ClusterID: string(id), Key: hashKey(text(file))})
	if err != nil {
		return usage.Source{}, found("read a source", "source", err)
	}
	return usage.Source{ClusterID: cluster.ID(row.ClusterID), File: row.File, SHA256: row.Sha256, Text: row.Text}, nil
}
