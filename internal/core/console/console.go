package console

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Bounds of a statement.
const (
	MaxStatement = 100_000 // bytes
	MaxRows      = 100_000 // of an answer in JSON
	MaxFileRows  = 5_000_000
	DefaultRows  = 1_000
	// MaxTableRows is how many rows a table that is made of the store may have.
	MaxTableRows = 1_000_000
)

// Question is a statement and what is wanted of it.
type Question struct {
	SQL string
	// Since and Until bound what the tables hold; zero leaves that side open. Hours that the window touches count whole.
	Since, Until time.Time
	// Limit is how many rows are answered; 0 means the default.
	Limit int
	// Parquet asks for a file in place of rows.
	Parquet bool
}

// ResultColumn is a column of an answer.
type ResultColumn struct {
	Name string
	// Type is DuckDB's name of it.
	Type string
}

// Answer is what a statement answers.
type Answer struct {
	Columns []ResultColumn
	// Rows are arrays of JSON. Whole numbers beyond ±2^53, decimals, times and whatever else JSON has no word for are texts.
	Rows []json.RawMessage
	// Parquet is the file, where one was asked for.
	Parquet []byte
	// RowCount is how many rows there are here; More says that there were more, Cut why they are not here.
	RowCount int
	More     bool
	Cut      string
	// Tables are those that the statement names.
	Tables []string
	// Loaded is how many rows of tables were made for it from the store.
	Loaded int64
	// Bytes is the size of the rows or of the file.
	Bytes int64
	Took  time.Duration
	// AsOf is the moment up to which the tables are complete.
	AsOf time.Time
}

// Content is what a table holds for one statement.
type Content struct {
	// Rows are values in the order of the table's columns: string, int64, float64, bool, time.Time or nil.
	Rows iter.Seq2[[]any, error]
	// Files are Parquet files that have the table's columns by name, Extra one more. Of these, rows count whose hour lies within [Since, Until), and of Files those
	// whose cluster and hour Replaced does not list. All of them may be seen.
	Files           []string
	Extra, Replaced string
	Since, Until    time.Time
	// Columns are those that the files have; nil is all.
	Columns []string
	AsOf    time.Time
}

// Job is a statement to be run.
type Job struct {
	SQL     string
	Limit   int
	Parquet bool
	// Load says what a table holds; files that are made for it go into the folder, which is the statement's own. Columns are those that the statement seems to
	// read, nil for all: others may be left out. If one of those is wanted nevertheless, Load is called again, for all.
	Load func(ctx context.Context, table Table, columns []string, folder string) (Content, error)
}

// Engine checks and runs statements, in a place where they reach nothing but their tables. It returns errs.Invalid with a sentence for what is refused.
type Engine interface {
	Run(ctx context.Context, job Job) (Answer, error)
}

// Entry is what is recorded of a statement. Its answer is not.
type Entry struct {
	User      identity.UserID
	TokenID   string
	At        time.Time
	Statement string
	Tables    []string
	Rows      int
	Took      time.Duration
	// Outcome is "answered", "refused" or "failed"; Reason says why it is not the first.
	Outcome, Reason string
}

// Auditor keeps entries.
type Auditor interface {
	RecordStatement(ctx context.Context, e Entry)
}

// Config is what a Service is made of.
type Config struct {
	Engine  Engine
	Sources Sources
	Audit   Auditor
	// PerUser and Overall are how many statements run at a time.
	PerUser, Overall int
}

// Service answers statements.
type Service struct {
	cfg     Config
	mu      sync.Mutex
	running map[identity.UserID]int
	total   int
}

// NewService makes a Service.
func NewService(cfg Config) *Service {
	return &Service{cfg: cfg, running: map[identity.UserID]int{}}
}

// Answer runs a statement over what the actor may see.
func (s *Service) Answer(ctx context.Context, now time.Time, actor identity.Actor, q Question) (Answer, error) {
	q, err := check(now, q)
	if err != nil {
		return Answer{}, err
	}
	leave, err := s.enter(actor.User.ID)
	if err != nil {
		return Answer{}, err
	}
	defer leave()
	named, counts, asOf := []string{}, map[string]*int64{}, now
	a, err := s.cfg.Engine.Run(ctx, Job{SQL: q.SQL, Limit: q.Limit, Parquet: q.Parquet, Load: func(ctx context.Context, t Table, columns []string, folder string) (Content, error) {
		if counts[t.Name] == nil {
			named = append(named, t.Name)
		}
		counts[t.Name] = new(int64)
		content, err := s.cfg.Sources.load(ctx, now, actor, t, columns, window{q.Since, q.Until}, folder)
		if err != nil {
			return Content{}, err
		}
		if !content.AsOf.IsZero() && content.AsOf.Before(asOf) {
			asOf = content.AsOf
		}
		content.Rows = bounded(t.Name, content.Rows, counts[t.Name])
		return content, nil
	}})
	a.Tables, a.AsOf = named, asOf
	for _, n := range counts {
		a.Loaded += *n
	}
	e := Entry{User: actor.User.ID, TokenID: actor.TokenID, At: now, Statement: q.SQL, Tables: named, Rows: a.RowCount, Took: a.Took, Outcome: "answered"}
	if err != nil {
		e.Outcome, e.Reason = "failed", err.Error()
		if errs.Is(err, errs.Invalid) {
			e.Outcome = "refused"
		}
	}
	s.cfg.Audit.RecordStatement(context.WithoutCancel(ctx), e)
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

// check completes a question.
func check(now time.Time, q Question) (Question, error) {
	if q.Until.IsZero() || q.Until.After(now) {
		q.Until = now
	}
	q.Since = q.Since.UTC().Truncate(time.Hour)
	if hour := q.Until.UTC().Truncate(time.Hour); hour.Before(q.Until) {
		q.Until = hour.Add(time.Hour)
	}
	most := MaxRows
	if q.Parquet {
		most = MaxFileRows
	}
	if q.Limit == 0 {
		q.Limit = DefaultRows
		if q.Parquet {
			q.Limit = most
		}
	}
	wrong := func(name, format string, args ...any) error {
		return errs.InvalidFields(errs.Field{Name: name, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case strings.TrimSpace(q.SQL) == "":
		return q, wrong("sql", "There is no statement. Write one like: select user_name, sum(cost_nanos) / 1e9 as cost from lines group by all.")
	case len(q.SQL) > MaxStatement:
		return q, wrong("sql", "The statement has %d bytes; at most %d are taken.", len(q.SQL), MaxStatement)
	case !utf8.ValidString(q.SQL) || strings.ContainsRune(q.SQL, 0):
		return q, wrong("sql", "The statement is no text: it holds bytes that are not UTF-8, or a NUL character.")
	case !q.Since.Before(q.Until):
		return q, wrong("since", "The window must start before it ends: since before until.")
	case q.Limit < 1 || q.Limit > most:
		return q, wrong("limit", "1 to %d rows can be answered, not %d.", most, q.Limit)
	}
	return q, nil
}

// enter takes a place among the statements that run, until leave is called.
func (s *Service) enter(user identity.UserID) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.running[user] >= s.cfg.PerUser:
		return nil, errs.New(errs.Unavailable, "busy", "%d statements of yours are running, and no more are allowed at a time. This one was not run: wait for them, or end one.", s.running[user])
	case s.total >= s.cfg.Overall:
		return nil, errs.New(errs.Unavailable, "busy", "%d statements are running, and the server takes no more at a time. This one was not run: try again in a moment.", s.total)
	}
	s.running[user]++
	s.total++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.running[user]--; s.running[user] == 0 {
			delete(s.running, user)
		}
	}, nil
}

// bounded counts rows and ends with a sentence where there are too many.
func bounded(table string, rows iter.Seq2[[]any, error], count *int64) iter.Seq2[[]any, error] {
	if rows == nil {
		return nil
	}
	return func(yield func([]any, error) bool) {
		n := 0
		for row, err := range rows {
			if n++; n > MaxTableRows {
				yield(nil, errs.InvalidFields(errs.Field{Name: "since", Message: fmt.Sprintf(
					"The table %s would have more than %d rows. Nothing was answered: give a shorter window with since and until.", table, MaxTableRows)}))
				return
			}
			*count++
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}
