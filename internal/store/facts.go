package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

var (
	putSessions = newBulk(
		`INSERT INTO client_sessions (cluster_id, key, client, user_name, host, kind, path, commit_id, dirty, environment)`, 10,
		`ON CONFLICT (cluster_id, key) DO UPDATE
SET user_name = excluded.user_name, host = excluded.host, kind = excluded.kind, path = excluded.path, commit_id = excluded.commit_id,
    dirty = excluded.dirty, environment = excluded.environment`)
	putOrigins = newBulk(
		`INSERT INTO origins (cluster_id, id, file, line, function, text, callers, shared)`, 8,
		`ON CONFLICT (cluster_id, id) DO UPDATE
SET file = excluded.file, line = excluded.line, function = excluded.function, text = excluded.text, callers = excluded.callers, shared = excluded.shared`)
	putParts = newBulk(
		`INSERT INTO parts (cluster_id, submission, key, name, origin)`, 5,
		`ON CONFLICT (cluster_id, submission, key) DO UPDATE SET origin = excluded.origin`)
	putReads = newBulk(
		`INSERT INTO reads (cluster_id, key, submission, prefix, origin, direction, path, format, engine, compression, files, tasks, bytes, columns, columns_used, pushed_down)`, 16,
		`ON CONFLICT (cluster_id, key) DO UPDATE
SET format = excluded.format, engine = excluded.engine, compression = excluded.compression, files = excluded.files, tasks = excluded.tasks,
    bytes = excluded.bytes, columns = excluded.columns, columns_used = excluded.columns_used, pushed_down = excluded.pushed_down`)
)

// keyed is a row and what identifies it.
type keyed[R any] struct {
	cluster, key string
	row          R
}

// lastOfEach keeps the last of the rows with one key, in the order of keys: one statement may touch a row only once, and two transactions that write
// in one order do not wait for each other in a circle.
func lastOfEach[R any](rows []R, key func(R) (cluster.ID, string)) []keyed[R] {
	index := make(map[[2]string]int, len(rows))
	out := make([]keyed[R], 0, len(rows))
	for _, r := range rows {
		id, k := key(r)
		at := [2]string{string(id), k}
		if i, ok := index[at]; ok {
			out[i].row = r
			continue
		}
		index[at] = len(out)
		out = append(out, keyed[R]{string(id), k, r})
	}
	slices.SortFunc(out, func(a, b keyed[R]) int { return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.key, b.key)) })
	return out
}

// hashed is hashKey as a text, for keys of maps.
func hashed(parts ...string) string { return string(hashKey(parts...)) }

// PutSessions keeps what clients said of themselves; the last word of a client counts. The modules that it imported are not kept here.
func (db *DB) PutSessions(ctx context.Context, sessions []usage.Session) error {
	rows := lastOfEach(sessions, func(s usage.Session) (cluster.ID, string) { return s.ClusterID, hashed(text(s.Client)) })
	return db.exec(ctx, "put sessions", putSessions, len(rows), func(to []any, i int) []any {
		s := rows[i].row
		return append(to, rows[i].cluster, []byte(rows[i].key), text(s.Client), text(s.User), text(s.Host), text(s.Kind), text(s.Path), text(s.Commit), s.Dirty,
			text(s.Software.Environment))
	})
}

// PutOrigins keeps origins; one that is there already is replaced, and if it says another line, its cluster is marked. What is new needs MarkSince.
func (db *DB) PutOrigins(ctx context.Context, origins []usage.Origin) error {
	rows := lastOfEach(origins, func(o usage.Origin) (cluster.ID, string) { return o.ClusterID, fmt.Sprintf("%020d", o.ID) })
	return db.together(ctx, func(ctx context.Context) error {
		err := db.markChanged(ctx, changedOrigins, len(rows), func(to []any, i int) []any {
			o := rows[i].row
			return append(to, rows[i].cluster, o.ID, text(o.File), int64(o.Line), text(o.Function))
		})
		if err != nil {
			return err
		}
		return db.exec(ctx, "put origins", putOrigins, len(rows), func(to []any, i int) []any {
			o := rows[i].row
			return append(to, rows[i].cluster, o.ID, text(o.File), int64(o.Line), text(o.Function), text(o.Text), callersToDB(o.Callers), jsonToDB(o.Shared, "[]"))
		})
	})
}

// PutParts keeps the origins of sub-tasks; one that is there already is replaced, and if it has another origin, its cluster is marked. What is new needs MarkSince.
func (db *DB) PutParts(ctx context.Context, parts []usage.Part) error {
	rows := lastOfEach(parts, func(p usage.Part) (cluster.ID, string) {
		return p.ClusterID, fmt.Sprintf("%020d", p.Submission) + hashed(text(p.Name))
	})
	return db.together(ctx, func(ctx context.Context) error {
		for _, row := range rows {
			changed, err := db.read(ctx).CountChangedParts(ctx, sqlcgen.CountChangedPartsParams{
				ClusterID: row.cluster, Submission: row.row.Submission, Key: hashKey(text(row.row.Name)), Origin: row.row.Origin,
			})
			if err != nil {
				return fail("look for other origins", err)
			}
			if changed > 0 {
				if err := db.markCluster(ctx, row.cluster); err != nil {
					return err
				}
			}
		}
		return db.exec(ctx, "put parts", putParts, len(rows), func(to []any, i int) []any {
			p := rows[i].row
			return append(to, rows[i].cluster, p.Submission, hashKey(text(p.Name)), text(p.Name), p.Origin)
		})
	})
}

// PutReads keeps what was read and written; a row that is there already is replaced.
func (db *DB) PutReads(ctx context.Context, reads []usage.Read) error {
	rows := lastOfEach(reads, func(r usage.Read) (cluster.ID, string) {
		return r.ClusterID, hashed(strconv.FormatInt(r.Submission, 10), text(r.Prefix), strconv.FormatInt(r.Origin, 10), text(r.Direction), text(r.Path))
	})
	return db.exec(ctx, "put reads", putReads, len(rows), func(to []any, i int) []any {
		r := rows[i].row
		return append(to, rows[i].cluster, []byte(rows[i].key), r.Submission, text(r.Prefix), r.Origin, text(r.Direction), text(r.Path), text(r.Format),
			text(r.Engine), text(r.Compression), r.Files, r.Tasks, r.Bytes, int64(r.Columns), int64(r.ColumnsUsed), r.PushedDown)
	})
}

// SessionsByCluster returns what a cluster's clients said of themselves, by client.
func (db *DB) SessionsByCluster(ctx context.Context, id cluster.ID) ([]usage.Session, error) {
	rows, err := db.read(ctx).ListClientSessionsByCluster(ctx, string(id))
	return convert(rows, func(r sqlcgen.ClientSession) usage.Session {
		return usage.Session{
			ClusterID: cluster.ID(r.ClusterID), Client: r.Client, User: r.UserName, Host: r.Host, Kind: r.Kind, Path: r.Path, Commit: r.CommitID, Dirty: r.Dirty,
			Software: usage.Software{Environment: r.Environment},
		}
	}), fail("list sessions", err)
}

// OriginsByCluster returns a cluster's origins in the order of their ids.
func (db *DB) OriginsByCluster(ctx context.Context, id cluster.ID) ([]usage.Origin, error) {
	rows, err := db.read(ctx).ListOriginsByCluster(ctx, string(id))
	return convert(rows, func(r sqlcgen.Origin) usage.Origin {
		return usage.Origin{
			ClusterID: cluster.ID(r.ClusterID), ID: r.ID, File: r.File, Line: int(r.Line), Function: r.Function, Text: r.Text,
			Callers: callersFromDB(r.Callers), Shared: jsonFromDB[[]int64](r.Shared),
		}
	}), fail("list origins", err)
}

// PartsByCluster returns the origins of a cluster's sub-tasks by submission and name.
func (db *DB) PartsByCluster(ctx context.Context, id cluster.ID) ([]usage.Part, error) {
	rows, err := db.read(ctx).ListPartsByCluster(ctx, string(id))
	return convert(rows, func(r sqlcgen.Part) usage.Part {
		return usage.Part{ClusterID: cluster.ID(r.ClusterID), Submission: r.Submission, Name: r.Name, Origin: r.Origin}
	}), fail("list parts", err)
}

// ReadsByCluster returns what a cluster read and wrote, by submission, prefix, origin, direction and path.
func (db *DB) ReadsByCluster(ctx context.Context, id cluster.ID) ([]usage.Read, error) {
	rows, err := db.read(ctx).ListReadsByCluster(ctx, string(id))
	return convert(rows, func(r sqlcgen.Read) usage.Read {
		return usage.Read{
			ClusterID: cluster.ID(r.ClusterID), Submission: r.Submission, Prefix: r.Prefix, Origin: r.Origin, Direction: r.Direction, Format: r.Format,
			Engine: r.Engine, Compression: r.Compression, Path: r.Path, Files: r.Files, Tasks: r.Tasks, Bytes: r.Bytes,
			Columns: int(r.Columns), ColumnsUsed: int(r.ColumnsUsed), PushedDown: r.PushedDown,
		}
	}), fail("list reads", err)
}

// jsonToDB writes small lists and maps as JSON; nil as what an empty one looks like.
func jsonToDB[V any](v V, empty string) string {
	data, err := json.Marshal(v)
	if err != nil || string(data) == "null" { // lists and maps of texts and numbers always have a form
		return empty
	}
	return string(data)
}

// jsonFromDB reads what jsonToDB wrote; empty ones come back as nil.
func jsonFromDB[V any](data string) V {
	var v V
	if data == "{}" || data == "[]" {
		return v
	}
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		var none V
		return none
	}
	return v
}

// callerRow is a line in JSON: its place has a meaning, so that its names may change.
type callerRow [3]any

func callersToDB(lines []usage.Line) string {
	rows := make([]callerRow, len(lines))
	for i, l := range lines {
		rows[i] = callerRow{l.File, l.Line, l.Function}
	}
	return jsonToDB(rows, "[]")
}

func callersFromDB(data string) []usage.Line {
	var lines []usage.Line
	for _, row := range jsonFromDB[[]callerRow](data) {
		file, _ := row[0].(string)
		line, _ := row[1].(float64)
		function, _ := row[2].(string)
		lines = append(lines, usage.Line{File: file, Line: int(line), Function: function})
	}
	return lines
}
