package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/seed"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// tokenLifetime is how long the administrator's token holds.
const tokenLifetime = 30 * 24 * time.Hour

// writer fills a data folder.
type writer struct {
	settings
	db        *store.DB
	warehouse *warehouse.Warehouse
	live      []warehouse.Segment
	stderr    io.Writer
	begun     time.Time

	token    string
	clusters int
	rows     int64
	cost     cost.Nanos
	// writing is the time that the warehouse took.
	writing time.Duration
}

// open makes the folder with an empty database and an empty warehouse.
func open(ctx context.Context, s settings, stderr io.Writer) (_ *writer, err error) {
	path := filepath.Join(s.data, "lineitem.db")
	if _, err := os.Stat(path); err == nil {
		return nil, fmt.Errorf("%s holds a database; nothing was changed: give a folder that is not there yet", s.data)
	}
	w := &writer{settings: s, stderr: stderr, begun: time.Now()}
	// What is made here can be made again, so nothing waits for the disk.
	if w.db, err = store.Open(ctx, store.Config{Path: path, NoSync: true}); err != nil {
		return nil, err
	}
	if err := w.db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, w.db.Close())
	}
	options := warehouse.Options{MemoryBytes: s.memory, Zone: s.zone, Currency: s.Currency}
	if w.warehouse, err = warehouse.Open(ctx, filepath.Join(s.data, "warehouse"), options); err != nil {
		return nil, errors.Join(err, w.db.Close())
	}
	return w, nil
}

func (w *writer) close() error { return errors.Join(w.warehouse.Close(), w.db.Close()) }

func (w *writer) write(ctx context.Context, org *seed.Organisation) error {
	if err := w.people(ctx, org); err != nil {
		return err
	}
	var month []time.Time
	for d := range org.Days() {
		if len(month) > 0 && d.Month() != month[0].Month() {
			if err := w.month(ctx, org, month); err != nil {
				return err
			}
			month = month[:0]
		}
		month = append(month, d)
	}
	return w.month(ctx, org, month)
}

// people writes the administrator, the groups, the users and the prices that they pay.
func (w *writer) people(ctx context.Context, org *seed.Organisation) error {
	service := identity.NewService(w.db, w.db)
	code, err := service.Bootstrap(ctx, w.begun.UTC())
	if err != nil {
		return err
	}
	if _, w.token, err = service.TokenForCode(ctx, w.begun.UTC(), code, "seed-year", tokenLifetime); err != nil {
		return err
	}
	return w.db.Atomically(ctx, func(ctx context.Context) error {
		for _, g := range org.Groups() {
			if err := errors.Join(w.db.CreateGroup(ctx, g), w.db.KeepPath(ctx, g.Path, g.ID, g.CreatedAt)); err != nil {
				return fmt.Errorf("group %s: %w", g.Path, err)
			}
		}
		for _, u := range org.Users() {
			if err := w.db.CreateUser(ctx, u.User); err != nil {
				return fmt.Errorf("user %s: %w", u.Name, err)
			}
			m := identity.Member{Group: u.Group.ID, User: u.User, Role: identity.RoleMember, Pays: true}
			if u.Leads {
				m.Role = identity.RoleLead
			}
			if err := w.db.PutMember(ctx, m, u.CreatedAt); err != nil {
				return fmt.Errorf("user %s: %w", u.Name, err)
			}
		}
		return w.db.AddPrices(ctx, org.Prices(), w.begun.UTC())
	})
}

// month writes the clusters and the facts of some days: one change of the warehouse and of its catalogue.
func (w *writer) month(ctx context.Context, org *seed.Organisation, days []time.Time) error {
	err := w.db.Atomically(ctx, func(ctx context.Context) error {
		for _, d := range days {
			for _, c := range org.Clusters(d) {
				if err := w.db.CreateCluster(ctx, c); err != nil {
					return fmt.Errorf("cluster %s: %w", c.ID, err)
				}
				w.clusters++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	start, rows := time.Now(), w.rows
	change, err := w.warehouse.Replace(ctx, w.live, nil, w.facts(org, days))
	if err != nil {
		return fmt.Errorf("write %s: %w", days[0].Format("2006-01"), err)
	}
	if err := w.db.SwapSegments(ctx, segment.Change{Fresh: convert(change.Fresh), Gone: convert(change.Gone)}, nil, w.begun.UTC()); err != nil {
		return err
	}
	w.live = slices.DeleteFunc(w.live, func(s warehouse.Segment) bool {
		return slices.ContainsFunc(change.Gone, func(g warehouse.Segment) bool { return g.Name == s.Name })
	})
	w.live = append(w.live, change.Fresh...)
	took := time.Since(start)
	w.writing += took
	fmt.Fprintf(w.stderr, "%s: %d days, %d rows, %.0f rows/s\n", days[0].Format("2006-01"), len(days), w.rows-rows, float64(w.rows-rows)/took.Seconds())
	return nil
}

// facts yields those of some days, and counts them.
func (w *writer) facts(org *seed.Organisation, days []time.Time) iter.Seq[spend.Fact] {
	return func(yield func(spend.Fact) bool) {
		for _, d := range days {
			for f := range org.Facts(d) {
				w.rows++
				w.cost += f.Cost
				if !yield(f) {
					return
				}
			}
		}
	}
}

func convert(segments []warehouse.Segment) []segment.Segment {
	out := make([]segment.Segment, len(segments))
	for i, s := range segments {
		out[i] = segment.Segment(s)
	}
	return out
}

// summary is what is left in the folder of how it was made; the benchmark "year" reads it.
type summary struct {
	Rows         int64          `json:"rows"`
	Clusters     int            `json:"clusters"`
	Nanos        cost.Nanos     `json:"nanos"`
	Currency     cost.Currency  `json:"currency"`
	Since        time.Time      `json:"since"`
	Until        time.Time      `json:"until"`
	Seed         uint64         `json:"seed"`
	Zone         string         `json:"zone"`
	Segments     int            `json:"segments"`
	SegmentBytes int64          `json:"segment_bytes"`
	Seconds      float64        `json:"seconds"`
	PeakMemory   int64          `json:"peak_memory_bytes"`
	Anomalies    []seed.Anomaly `json:"anomalies"`
}

// report writes the summary and tells it.
func (w *writer) report(org *seed.Organisation, stdout io.Writer) error {
	took := time.Since(w.begun)
	sum := summary{
		Rows: w.rows, Clusters: w.clusters, Nanos: w.cost, Currency: w.Currency, Since: w.Until.AddDate(0, 0, -w.Days), Until: w.Until, Seed: w.Seed,
		Zone: w.zone.String(), Segments: len(w.live), Seconds: took.Seconds(), PeakMemory: peakMemory(), Anomalies: org.Anomalies(),
	}
	tables := map[string]int64{}
	for _, s := range w.live {
		tables[s.Table] += s.Bytes
		sum.SegmentBytes += s.Bytes
	}
	text, err := json.MarshalIndent(sum, "", "  ")
	if err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	if err := os.WriteFile(filepath.Join(w.data, "seed.json"), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	millions := float64(w.rows) / 1e6
	fmt.Fprintf(stdout, "%d line-hours of %d clusters, %d users, %d groups; %.2f %s in %d days\n",
		w.rows, w.clusters, w.Users, w.Groups, float64(w.cost)/1e9, w.Currency, w.Days)
	fmt.Fprintf(stdout, "%.0f s, %.0f rows/s (the warehouse alone %.0f), peak memory %.0f MB\n",
		took.Seconds(), float64(w.rows)/took.Seconds(), float64(w.rows)/w.writing.Seconds(), float64(sum.PeakMemory)/1e6)
	fmt.Fprintf(stdout, "%d segments, %.2f MB per million line-hours:", len(w.live), float64(sum.SegmentBytes)/1e6/millions)
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		fmt.Fprintf(stdout, " %s %.2f", table, float64(tables[table])/1e6/millions)
	}
	fmt.Fprintln(stdout, "\n\nWhat went wrong in it:")
	for _, a := range org.Anomalies() {
		fmt.Fprintf(stdout, "  %s to %s  %-9s  %s %s\n", a.Since.Format(time.DateOnly), a.Until.Format(time.DateOnly), a.Kind, a.About, about(a))
	}
	_, err = fmt.Fprintf(stdout, "\nServe it:  bin/lineitem server --data %s\nAn administrator's token, for %d days:  %s\n", w.data, int(tokenLifetime.Hours()/24), w.token)
	return err
}

func about(a seed.Anomaly) string {
	text := a.Group
	for _, more := range []string{a.User, string(a.Cluster), a.Line} {
		if more != "" {
			text += ", " + more
		}
	}
	return "(" + text + ")"
}
