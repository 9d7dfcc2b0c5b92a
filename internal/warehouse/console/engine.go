package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	core "github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/internal/core/errs"
)

// Engine runs statements, each in a process of its own.
type Engine struct {
	folder  string
	program string
	bounds  Bounds
}

// New makes an Engine that works in a folder of its own; what an earlier one left there goes away.
func New(folder string, b Bounds) (*Engine, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return nil, fmt.Errorf("find the folder of statements: %w", err)
	}
	if err := os.RemoveAll(folder); err != nil {
		return nil, fmt.Errorf("clear the folder of statements: %w", err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of statements: %w", err)
	}
	return &Engine{folder: folder, program: program, bounds: b}, nil
}

// errStalled is why a statement's context ends when its time is over.
var errStalled = errors.New("the time is over")

// Run checks and runs a statement. When the context ends, the process ends.
func (e *Engine) Run(ctx context.Context, job core.Job) (core.Answer, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, e.bounds.Time, errStalled)
	defer cancel()
	a, err := e.attempt(ctx, job, false)
	var refused *errs.Error
	if errors.As(err, &refused) && refused.Code == codeColumns {
		a, err = e.attempt(ctx, job, true)
	}
	a.Took = time.Since(began)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		err = errs.New(errs.Invalid, "sql_too_slow", "The statement took longer than %v and was ended. Ask for less at a time: a shorter window, sums in place of rows, joins on equal columns.", e.bounds.Time)
	}
	return a, err
}

// attempt runs a statement over the columns that it seems to read, or over whole tables.
func (e *Engine) attempt(ctx context.Context, job core.Job, whole bool) (core.Answer, error) {
	var a core.Answer
	folder, err := os.MkdirTemp(e.folder, "q-")
	if err != nil {
		return a, fmt.Errorf("make a folder for the statement: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // New clears what stays
	cmd := exec.CommandContext(ctx, e.program)
	cmd.Args, cmd.Env, cmd.Dir = []string{workerName}, []string{"GOMAXPROCS=2", "GOTRACEBACK=none"}, folder
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return a, fmt.Errorf("open a pipe: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return a, fmt.Errorf("open a pipe: %w", err)
	}
	stderr := &tail{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		return a, fmt.Errorf("start a process for the statement: %w", err)
	}
	// The answer is written by what ran the statement: it is bounded whatever it is.
	from := json.NewDecoder(io.LimitReader(stdout, 2*e.bounds.AnswerBytes+(1<<20)))
	a, talkErr := e.talk(ctx, job, whole, folder, json.NewEncoder(stdin), from)
	if talkErr != nil {
		_ = cmd.Process.Kill() // it may have ended by itself
	}
	_ = stdin.Close()
	waitErr := cmd.Wait()
	var refused *errs.Error
	switch {
	case talkErr == nil || errors.As(talkErr, &refused):
		return a, talkErr
	case ctx.Err() != nil:
		return a, fmt.Errorf("statement ended: %w", ctx.Err())
	case errors.Is(talkErr, io.EOF), errors.Is(talkErr, io.ErrUnexpectedEOF), waitErr != nil:
		// It died: of its bounds, or of a fault in DuckDB. Either way nothing but the statement is lost.
		return a, errs.Wrap(fmt.Errorf("%w: %s", errors.Join(talkErr, waitErr), stderr), errs.Invalid, "sql_too_large",
			"The process that ran the statement ended before it answered, most likely for want of memory. Nothing else was touched. Ask for less at a time.")
	}
	return a, talkErr
}

// talk is the server's side of a statement.
func (e *Engine) talk(ctx context.Context, job core.Job, whole bool, folder string, to *json.Encoder, from *json.Decoder) (core.Answer, error) {
	var a core.Answer
	o := order{SQL: job.SQL, Limit: job.Limit, Parquet: job.Parquet, Whole: whole, Bounds: e.bounds}
	for _, t := range core.Tables() {
		o.Known = append(o.Known, t.Name)
	}
	if err := to.Encode(o); err != nil {
		return a, fmt.Errorf("hand over the statement: %w", err)
	}
	var n named
	if err := from.Decode(&n); err != nil {
		return a, fmt.Errorf("hear of the statement: %w", err)
	}
	if n.Failed != nil {
		return a, failure(*n.Failed)
	}
	l := loads{Tables: []load{}}
	for _, t := range core.Tables() {
		for _, name := range n.Tables {
			if name != t.Name {
				continue
			}
			one, err := fill(ctx, job, t, known(t, n.Columns[name]), folder)
			if err != nil {
				return a, err
			}
			l.Tables = append(l.Tables, one)
		}
	}
	if err := to.Encode(l); err != nil {
		return a, fmt.Errorf("hand over tables: %w", err)
	}
	for {
		var p piece
		if err := from.Decode(&p); err != nil {
			return a, fmt.Errorf("hear the answer: %w", err)
		}
		if p.Columns != nil {
			a.Columns = p.Columns
		}
		a.Rows = append(a.Rows, p.Rows...)
		switch {
		case p.Failed != nil:
			return a, failure(*p.Failed)
		case p.Done == nil:
			continue
		case p.Done.File != "":
			file, err := os.ReadFile(filepath.Join(folder, answerFile))
			if err != nil {
				return a, fmt.Errorf("read the file of the answer: %w", err)
			}
			a.Parquet = file
		}
		a.RowCount, a.More, a.Cut, a.Bytes = p.Done.Rows, p.Done.More, p.Done.Cut, p.Done.Bytes
		return a, nil
	}
}

// failure is what a worker says went wrong, as an error for the asker.
func failure(p problem) error {
	if p.Code == "sql_failed" {
		return errs.Wrap(errors.New(p.Sentence), errs.Invalid, p.Code, "The statement failed: %s", p.Sentence)
	}
	return errs.New(errs.Invalid, p.Code, "%s", p.Sentence)
}

// known are the columns of a table that a worker says a statement reads: nil, for all, if what it says is not to be believed.
func known(t core.Table, columns []string) []string {
	for _, name := range columns {
		if !slices.ContainsFunc(t.Columns, func(c core.Column) bool { return c.Name == name }) {
			return nil
		}
	}
	return columns
}

// fill puts a table's content into the folder.
func fill(ctx context.Context, job core.Job, t core.Table, columns []string, folder string) (load, error) {
	c, err := job.Load(ctx, t, columns, folder)
	if err != nil {
		return load{}, err
	}
	l := load{Table: t.Name, Columns: t.Columns, Files: c.Files, Extra: c.Extra, Replaced: c.Replaced}
	if c.Rows != nil {
		l.CSV = filepath.Join(folder, t.Name+".csv")
		if err := writeCSV(ctx, l.CSV, c.Rows); err != nil {
			return load{}, fmt.Errorf("load the table %s: %w", t.Name, err)
		}
		return l, nil
	}
	l.Where, l.Present = condition(c), c.Columns
	return l, nil
}

// condition is what rows of files must be to count.
func condition(c core.Content) string {
	if c.Since.IsZero() && c.Until.IsZero() {
		return "true"
	}
	const form = "2006-01-02 15:04:05"
	return "hour >= TIMESTAMP " + quote(c.Since.UTC().Format(form)) + " AND hour < TIMESTAMP " + quote(c.Until.UTC().Format(form))
}

// tail keeps the end of what a worker writes to its standard error.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	if t.Len() > 8<<10 {
		t.Next(t.Len() - 4<<10)
	}
	return t.Buffer.Write(p)
}
