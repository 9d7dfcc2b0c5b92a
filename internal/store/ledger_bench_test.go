package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// BenchmarkPostHour posts one hour of 10,000 workers in 1,000 clusters.
func BenchmarkPostHour(b *testing.B) {
	books := benchBooks(b, 1000, 10)
	for b.Loop() {
		books.now = books.now.Add(time.Hour)
		n, err := books.poster.Post(b.Context(), books.now)
		must(b, err)
		b.ReportMetric(float64(n), "entries/op")
	}
}

// BenchmarkPostNothing looks at the same clusters when no hour is over: what happens every minute.
func BenchmarkPostNothing(b *testing.B) {
	books := benchBooks(b, 1000, 10)
	for b.Loop() {
		_, err := books.poster.Post(b.Context(), books.now)
		must(b, err)
	}
}

// BenchmarkCloseMonth adds up, checks and freezes a month of 100 workers: 75,000 entries.
func BenchmarkCloseMonth(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		books := benchBooks(b, 10, 10)
		books.now = time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
		_, err := books.service.Close(b.Context(), books.now, books.admin, "2026-01")
		must(b, err)
		b.StartTimer()
		_, err = books.service.Close(b.Context(), books.now, books.admin, "2026-02")
		must(b, err)
	}
}

// BenchmarkTrueUps asks what an invoice for the 10,000 workers of 1,000 clusters changed in a month: as a whole, as breakdowns by user do, and in each of its hours.
func BenchmarkTrueUps(b *testing.B) {
	books := benchBooks(b, 1000, 10)
	books.now = time.Date(2026, 2, 1, 1, 0, 0, 0, time.UTC)
	since, until := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	invoice := focusFile(b, []string{"BilledCost", "BillingCurrency", "BillingPeriodStart"}, []string{"1234.5", "USD", "2026-01-01T00:00:00Z"})
	_, err := books.service.Import(b.Context(), books.now, books.admin, ledger.ImportInput{
		Month: "2026-01", File: strings.NewReader(invoice), CostColumn: "BilledCost", Rules: []string{"-> backend=local"},
	})
	must(b, err)
	spreader := ledger.NewSpreader(books.db, books.db, time.UTC)
	whole := []spend.Slice{{Since: since, Until: until}}
	var hours []spend.Slice
	for at := since; at.Before(until); at = at.Add(time.Hour) {
		hours = append(hours, spend.Slice{Since: at, Until: at.Add(time.Hour), At: at})
	}
	for name, slices := range map[string][]spend.Slice{"month": whole, "hours": hours} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				booked, err := spreader.TrueUps(b.Context(), books.now, books.admin, since, until, slices, true)
				must(b, err)
				b.ReportMetric(float64(len(booked.Per)), "cells/op")
			}
		})
	}
}

func benchBooks(b *testing.B, clusters, workers int) *books {
	b.Helper()
	books := newBooks(b, storetest.Open(b, store.SQLite), time.UTC)
	must(b, books.db.Atomically(b.Context(), func(ctx context.Context) error {
		for n := range clusters {
			c := fullCluster(books.admin.User.ID, fmt.Sprintf("c%d", n), books.now)
			c.EndedAt, c.Status = time.Time{}, cluster.StatusRunning
			if err := books.db.CreateCluster(ctx, c); err != nil {
				return err
			}
			for w := range workers {
				p := cluster.NewWorker(c, optionsCard, cluster.WorkerName(w), 1, books.now)
				p.StartedAt = books.now
				if err := books.db.CreateProcess(ctx, p); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	books.now = books.now.Add(2 * time.Hour)
	books.post(b)
	return books
}
