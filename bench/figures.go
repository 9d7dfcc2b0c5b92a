package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/lineitem/lineitem/internal/store"
)

// readFigures adds up what the agents of all workers said about themselves, from a server's database: no answer of the server holds it.
func readFigures(ctx context.Context, database string) (_ figures, err error) {
	var f figures
	db, err := sql.Open("sqlite", "file:"+database+"?mode=ro")
	if err != nil {
		return f, fmt.Errorf("read the agents' figures: %w", err)
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT payload FROM batches WHERE kind = 'worker'")
	if err != nil {
		return f, fmt.Errorf("read the agents' figures: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var kept []byte
		if err := rows.Scan(&kept); err != nil {
			return f, fmt.Errorf("read the agents' figures: %w", err)
		}
		if err := f.add(kept); err != nil {
			return f, fmt.Errorf("read the agents' figures: %w", err)
		}
	}
	return f, rows.Err()
}

// add adds one report.
func (f *figures) add(kept []byte) error {
	payload, err := store.PayloadFromDB(kept)
	if err != nil {
		return err
	}
	var report struct {
		T0      int64 `msgpack:"t0_us"`
		T1      int64 `msgpack:"t1_us"`
		Threads int64 `msgpack:"nthreads"`
		Health  struct {
			CPU     int64   `msgpack:"self_cpu_us"`
			Dropped float64 `msgpack:"dropped"`
			Errors  float64 `msgpack:"errors"`
		} `msgpack:"health"`
	}
	if err := msgpack.Unmarshal(payload, &report); err != nil {
		return err
	}
	seconds := float64(report.T1-report.T0) / 1e6
	f.Seconds += seconds
	f.ThreadSeconds += seconds * float64(report.Threads)
	f.AgentSeconds += float64(report.Health.CPU) / 1e6
	f.Dropped = max(f.Dropped, report.Health.Dropped)
	f.Errors = max(f.Errors, report.Health.Errors)
	return nil
}
