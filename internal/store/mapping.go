package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// micros is a time that is never missing.
func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// maybeMicros keeps the zero time as NULL.
func maybeMicros(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: true}
}

func fromMaybeMicros(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return fromMicros(us.Int64)
}

// text makes a text from outside fit both engines: PostgreSQL refuses NUL and what is not UTF-8. Both become U+FFFD, so that one such
// text does not block all that comes after it.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// convert maps rows; no rows are an empty list, not a nil one.
func convert[A, B any](rows []A, f func(A) B) []B {
	out := make([]B, len(rows))
	for i, row := range rows {
		out[i] = f(row)
	}
	return out
}

func userFromDB(r sqlcgen.User) identity.User {
	return identity.User{ID: identity.UserID(r.ID), Name: r.Name, Role: identity.Role(r.Role), CreatedAt: fromMicros(r.CreatedAt)}
}

func tokenFromDB(r sqlcgen.Token) identity.Token {
	return identity.Token{
		ID: r.ID, UserID: identity.UserID(r.UserID), Name: r.Name, Hash: identity.Hash(r.Hash), CreatedAt: fromMicros(r.CreatedAt),
		ExpiresAt: fromMaybeMicros(r.ExpiresAt), LastUsedAt: fromMaybeMicros(r.LastUsedAt),
	}
}

func envToDB(env map[string]string) (string, error) {
	if len(env) == 0 {
		return "{}", nil
	}
	clean := make(map[string]string, len(env))
	for k, v := range env {
		clean[text(k)] = text(v)
	}
	b, err := json.Marshal(clean)
	if err != nil {
		return "", fmt.Errorf("encode the environment: %w", err)
	}
	return string(b), nil
}

func clusterFromDB(r sqlcgen.Cluster) (cluster.Cluster, error) {
	var env map[string]string
	if r.Env != "{}" {
		if err := json.Unmarshal([]byte(r.Env), &env); err != nil {
			return cluster.Cluster{}, fmt.Errorf("decode the environment of cluster %s: %w", r.ID, err)
		}
	}
	return cluster.Cluster{
		ID: cluster.ID(r.ID), Name: r.Name, OwnerID: identity.UserID(r.OwnerID), Backend: r.Backend,
		Options: cluster.Options{
			Workers: int(r.Workers), Threads: int(r.Threads), MemoryBytes: r.MemoryBytes, Python: r.Python, Env: env,
		},
		Status: cluster.Status(r.Status), Target: cluster.Target(r.Target), Reason: r.Reason,
		SchedulerAddress: r.SchedulerAddress, DashboardURL: r.DashboardUrl,
		CreatedAt: fromMicros(r.CreatedAt), StartedAt: fromMaybeMicros(r.StartedAt), EndedAt: fromMaybeMicros(r.EndedAt),
		Deployment: r.Deployment, Method: r.Method, SchedulerKey: r.SchedulerKey.String, LastSeenAt: fromMaybeMicros(r.LastSeenAt),
		GroupID: identity.GroupID(r.GroupID.String), GroupPath: r.GroupPath,
	}, nil
}

// methodToDB makes the method that goes without saying explicit.
func methodToDB(method string) string {
	if method == "" {
		return cluster.MethodAgent
	}
	return text(method)
}

// keyToDB keeps a missing key as NULL, of which there may be many.
func keyToDB(key string) sql.NullString {
	return sql.NullString{String: text(key), Valid: key != ""}
}

func processFromDB(r sqlcgen.Process) cluster.Process {
	var exitCode *int
	if r.ExitCode.Valid {
		code := int(r.ExitCode.Int64)
		exitCode = &code
	}
	return cluster.Process{
		ID: cluster.ProcessID(r.ID), ClusterID: cluster.ID(r.ClusterID), Role: cluster.Role(r.Role), Name: r.Name,
		Generation: int(r.Generation), Status: cluster.Status(r.Status), Target: cluster.Target(r.Target),
		Threads: int(r.Threads), MemoryBytes: r.MemoryBytes,
		Rate: cost.Rate{NanosPerHour: cost.Nanos(r.NanosPerHour), Currency: cost.Currency(r.Currency)},
		Basis: cost.Basis{
			CoreHour: cost.Nanos(r.CoreHourNanos), GigabyteHour: cost.Nanos(r.GigabyteHourNanos), Source: r.PriceSource, AsOf: fromMaybeMicros(r.PriceAsOf),
		},
		Handle: r.Handle, ExitCode: exitCode, Reason: r.Reason,
		CreatedAt: fromMicros(r.CreatedAt), StartedAt: fromMaybeMicros(r.StartedAt),
		RetireAt: fromMaybeMicros(r.RetireAt), EndedAt: fromMaybeMicros(r.EndedAt),
	}
}

func exitCodeToDB(code *int) sql.NullInt64 {
	if code == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: int64(*code), Valid: true}
}

func eventFromDB(r sqlcgen.Event) cluster.Event {
	return cluster.Event{
		ID: r.ID, ClusterID: cluster.ID(r.ClusterID), At: fromMicros(r.At), Kind: cluster.EventKind(r.Kind), Message: r.Message,
	}
}

func batchFromDB(r sqlcgen.Batch, again bool) usage.RawBatch {
	payload, err := payloadFromDB(r.Payload)
	if err != nil {
		payload = r.Payload // who decodes it finds that it is nothing, and its time stays unknown; others are folded meanwhile
	}
	return usage.RawBatch{
		ClusterID: cluster.ID(r.ClusterID), ProcessID: cluster.ProcessID(r.ProcessID), Kind: r.Kind, Epoch: r.Epoch, Seq: r.Seq,
		ReceivedAt: fromMicros(r.ReceivedAt), Payload: payload, Again: again,
	}
}

func lineUsageFromDB(r sqlcgen.LineUsage) usage.LineUsage {
	return usage.LineUsage{
		ClusterID: cluster.ID(r.ClusterID), ProcessID: cluster.ProcessID(r.ProcessID), HourAt: fromMicros(r.HourAt),
		Submission: r.Submission, Prefix: r.Prefix, Line: usage.Line{File: r.File, Line: int(r.Line), Function: r.Function},
		Origin: r.Origin, Part: r.Part, Operation: r.Operation, Library: r.Library,
		ThreadMicros: r.ThreadMicros, CPUMicros: r.CpuMicros, NativeMicros: r.NativeMicros,
	}
}

func categoryUsageFromDB(r sqlcgen.CategoryUsage) usage.CategoryUsage {
	return usage.CategoryUsage{
		ClusterID: cluster.ID(r.ClusterID), ProcessID: cluster.ProcessID(r.ProcessID), Epoch: r.Epoch,
		StartAt: fromMicros(r.StartAt), EndAt: fromMicros(r.EndAt), Final: r.Final, Category: r.Category, ThreadMicros: r.ThreadMicros,
	}
}

func submissionFromDB(r sqlcgen.Submission) usage.Submission {
	return usage.Submission{
		ClusterID: cluster.ID(r.ClusterID), ID: r.ID, At: fromMicros(r.At), Client: r.Client, File: r.File, Line: int(r.Line),
		Function: r.Function, Text: r.Text, Tasks: r.Tasks,
		Tags: jsonFromDB[map[string]string](r.Tags), Span: jsonFromDB[[]string](r.Span), Levels: jsonFromDB[map[string]int64](r.Levels),
	}
}
