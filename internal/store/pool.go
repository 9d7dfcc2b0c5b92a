package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// pool is a connection pool with the statements that have been prepared on it. SQLite compiles a statement each time it is run unless it is
// prepared; pgx prepares by itself, so there nothing is kept here.
type pool struct {
	db    *sql.DB
	keeps bool

	mu     sync.RWMutex
	ready  map[string]*sql.Stmt
	wanted map[string]bool
}

func newPool(db *sql.DB, keepsStatements bool) *pool {
	return &pool{db: db, keeps: keepsStatements, ready: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// prepared returns the prepared statement for the text, or nil, and then notes that it is wanted.
func (p *pool) prepared(text string) *sql.Stmt {
	if !p.keeps {
		return nil
	}
	p.mu.RLock()
	s, asked := p.ready[text], p.wanted[text]
	p.mu.RUnlock()
	if s == nil && !asked {
		p.mu.Lock()
		p.wanted[text] = true
		p.mu.Unlock()
	}
	return s
}

// prepare makes the statements that were wanted. It must not run inside a transaction: the only writing connection would wait for
// itself. Texts are constants of this package, so there is an end to them. A statement that fails to prepare stays unprepared
// and fails where it is run.
func (p *pool) prepare(ctx context.Context) {
	p.mu.Lock()
	if len(p.wanted) == 0 {
		p.mu.Unlock()
		return
	}
	wanted := p.wanted
	p.wanted = map[string]bool{}
	p.mu.Unlock()
	for text := range wanted {
		s, err := p.db.PrepareContext(ctx, text)
		if err != nil {
			return
		}
		p.mu.Lock()
		_, there := p.ready[text]
		if !there {
			p.ready[text] = s
		}
		p.mu.Unlock()
		if there { // two wanted it at once, and the first may be in use
			_ = s.Close() //nolint:sqlclosecheck // The others stay open for the pool.
		}
	}
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.ready {
		errs = append(errs, s.Close())
	}
	clear(p.ready)
	return errors.Join(append(errs, p.db.Close())...)
}
