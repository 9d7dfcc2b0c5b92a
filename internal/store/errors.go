package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/lineitem/lineitem/internal/core/errs"
)

// PostgreSQL's codes; https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	pgUniqueViolation     = "23505"
	pgForeignKeyViolation = "23503"
	pgSerialization       = "40001"
	pgDeadlock            = "40P01"
	pgLockNotAvailable    = "55P03"
	pgConnectionClass     = "08"
	pgResourcesClass      = "53"
	pgInterventionClass   = "57P"
	pgLimitClass          = "54"
)

// verdict is what an engine's error means to us.
type verdict int

const (
	verdictOther     verdict = iota
	verdictTaken             // a unique key is there already
	verdictMissing           // a foreign key points at nothing
	verdictTransient         // the same transaction may succeed if run again
	verdictAway              // the database cannot serve now: unreachable, full, shutting down
	verdictTooLarge          // a value is larger than the engine can keep
)

// judge reads codes, never texts.
func judge(err error) verdict {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return judgePostgres(pg.Code)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return judgeSQLite(lite.Code())
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return verdictAway
	}
	return verdictOther
}

func judgePostgres(code string) verdict {
	switch {
	case code == pgUniqueViolation:
		return verdictTaken
	case code == pgForeignKeyViolation:
		return verdictMissing
	case code == pgSerialization, code == pgDeadlock, code == pgLockNotAvailable:
		return verdictTransient
	case strings.HasPrefix(code, pgConnectionClass), strings.HasPrefix(code, pgResourcesClass), strings.HasPrefix(code, pgInterventionClass):
		return verdictAway
	case strings.HasPrefix(code, pgLimitClass):
		return verdictTooLarge
	default:
		return verdictOther
	}
}

func judgeSQLite(code int) verdict {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return verdictTaken
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return verdictMissing
	}
	switch code & 0xff { // the low byte is the kind, the rest details
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return verdictTransient
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		return verdictAway
	case sqlite3.SQLITE_TOOBIG:
		return verdictTooLarge
	default:
		return verdictOther
	}
}

func transient(err error) bool { return judge(err) == verdictTransient }

// fail gives an error of the engine its operation and, where it has one, its kind. The engine's error stays inside, for the log and for
// retries.
func fail(op string, err error) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%s: %w", op, err)
	if errors.Is(err, sql.ErrNoRows) {
		return errs.Wrap(wrapped, errs.NotFound, "", "There is no such thing.")
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return wrapped
	}
	switch judge(err) {
	case verdictTaken:
		return errs.Wrap(wrapped, errs.Conflict, "", "It is there already; nothing was changed.")
	case verdictMissing:
		return errs.Wrap(wrapped, errs.NotFound, "", "It refers to something that is not there; nothing was changed.")
	case verdictTransient:
		return errs.Wrap(wrapped, errs.Unavailable, "", "The database is busy; nothing was changed. Try again in a moment.")
	case verdictAway:
		return errs.Wrap(wrapped, errs.Unavailable, "", "The database cannot be used at the moment. Try again later.")
	case verdictTooLarge:
		return errs.Wrap(wrapped, errs.TooLarge, "", "A value is larger than the database can keep; nothing was changed.")
	case verdictOther:
		return wrapped
	default:
		return wrapped
	}
}

// found is fail for reads of one row: noun says what is missing.
func found(op, noun string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return notFound(noun)
	}
	return fail(op, err)
}

func notFound(noun string) error { return errs.New(errs.NotFound, "", "There is no such %s.", noun) }

func conflict(noun string) error {
	return errs.New(errs.Conflict, "", "This %s is there already; nothing was changed.", noun)
}
