package seed_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/seed"
)

var until = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func year(t testing.TB, rows int64) *seed.Organisation {
	t.Helper()
	org, err := seed.New(seed.Options{Seed: 1, Until: until, Days: 365, Rows: rows, Users: 2000, Groups: 80, Currency: "USD", RulesVersion: 1})
	if err != nil {
		t.Fatal(err)
	}
	return org
}

// TestSameSeedSameMoney makes two organisations: one day by day, the other from the last day back.
func TestSameSeedSameMoney(t *testing.T) {
	t.Parallel()
	make := func(n uint64, backwards bool) map[time.Time]string {
		org, err := seed.New(seed.Options{Seed: n, Until: until, Days: 40, Rows: 60_000, Users: 200, Groups: 12, Currency: "USD", RulesVersion: 1})
		if err != nil {
			t.Fatal(err)
		}
		days := slices.Collect(org.Days())
		if backwards {
			slices.Reverse(days)
		}
		sums := map[time.Time]string{}
		for _, d := range days {
			h := sha256.New()
			fmt.Fprint(h, org.Users(), org.Groups(), org.Clusters(d))
			for f := range org.Facts(d) {
				fmt.Fprint(h, f)
			}
			sums[d] = fmt.Sprintf("%x", h.Sum(nil))
		}
		return sums
	}
	first := make(1, false)
	if !maps.Equal(first, make(1, true)) {
		t.Error("the same options gave another organisation, or a day depends on what was made before")
	}
	if maps.Equal(first, make(2, false)) {
		t.Error("another seed gave the same organisation")
	}
}

// TestFactsSumToWhatClustersCost checks any organisation: facts of clusters that are there, within their life, by whom it says, no two of one
// name, and all that a cluster's processes cost.
func TestFactsSumToWhatClustersCost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := seed.Options{
			Seed: rapid.Uint64().Draw(t, "seed"), Until: until.AddDate(0, 0, -rapid.IntRange(0, 400).Draw(t, "ago")),
			Days: rapid.IntRange(1, 20).Draw(t, "days"), Rows: rapid.Int64Range(1000, 6000).Draw(t, "rows"),
			Users: rapid.IntRange(10, 60).Draw(t, "users"), Groups: rapid.IntRange(3, 60).Draw(t, "groups"), Currency: "EUR",
		}
		org, err := seed.New(o)
		if err != nil {
			t.Fatal(err)
		}
		if len(org.Groups()) != o.Groups || len(org.Users()) != o.Users {
			t.Fatalf("%d groups and %d users, want %d and %d", len(org.Groups()), len(org.Users()), o.Groups, o.Users)
		}
		paths, owners := map[string]bool{}, map[string]seed.User{}
		above := map[identity.GroupID]string{"": ""}
		for _, g := range org.Groups() {
			parent, ok := above[g.Parent]
			if paths[g.Path] || !ok || g.Path != parent+"/"+g.Name || !id.Valid("gr", string(g.ID)) {
				t.Fatalf("group %+v is there twice, or its parent is not", g)
			}
			paths[g.Path], above[g.ID] = true, g.Path
		}
		for _, u := range org.Users() {
			if _, twice := owners[u.Name]; twice || !paths[u.Group.Path] || !id.Valid("us", string(u.ID)) {
				t.Fatalf("user %+v is there twice or in no group", u)
			}
			owners[u.Name] = u
		}
		clusters, got, seen := map[cluster.ID]cluster.Cluster{}, map[cluster.ID]cost.Nanos{}, map[string]bool{}
		for d := range org.Days() {
			for _, c := range org.Clusters(d) {
				if _, twice := clusters[c.ID]; twice || !id.Valid("cl", string(c.ID)) || c.StartedAt.Truncate(24*time.Hour) != d || c.EndedAt.After(o.Until) {
					t.Fatalf("cluster %+v of %s", c, d)
				}
				clusters[c.ID] = c
			}
			for f := range org.Facts(d) {
				c, u := clusters[f.Cluster], owners[f.User]
				switch {
				case c.ID == "" || u.ID != f.UserID || c.OwnerID != f.UserID || c.Name != f.Name || c.Backend != f.Backend || u.Group.Path != f.Group || c.GroupPath != f.Group || c.GroupID != u.Group.ID:
					t.Fatalf("fact %+v is of cluster %+v and user %+v", f, c, u)
				case f.Start.Before(c.StartedAt.Truncate(time.Hour)) || !f.Start.Before(c.EndedAt) || f.Start.Truncate(24*time.Hour) != d:
					t.Fatalf("fact of %s: cluster from %s to %s", f.Start, c.StartedAt, c.EndedAt)
				case f.Cost < 0 || f.ThreadMicros < 0 || f.CPUMicros < 0 || f.NativeMicros < 0 || f.CPUMicros > f.ThreadMicros:
					t.Fatalf("fact %+v", f)
				}
				got[f.Cluster] += f.Cost
				f.Cost, f.ThreadMicros, f.CPUMicros, f.NativeMicros = 0, 0, 0, 0
				if key := fmt.Sprint(f); seen[key] {
					t.Fatalf("two facts of %s", key)
				} else {
					seen[key] = true
				}
			}
		}
		for id, c := range clusters {
			if want := org.Cost(c); got[id] != want {
				t.Fatalf("facts of %+v sum to %d, its processes cost %d", c, got[id], want)
			}
		}
	})
}

// TestItLooksLikeAnOrganisation holds the shapes that docs/seed-year.md promises.
func TestItLooksLikeAnOrganisation(t *testing.T) {
	t.Parallel()
	const rows = 1_000_000
	org := year(t, rows)
	n := 0
	var total cost.Nanos
	kinds, users, operations, days := map[string]cost.Nanos{}, map[string]cost.Nanos{}, map[string]cost.Nanos{}, map[time.Time]cost.Nanos{}
	for d := range org.Days() {
		for f := range org.Facts(d) {
			n++
			total += f.Cost
			kinds[f.Kind] += f.Cost
			users[f.User] += f.Cost
			days[d] += f.Cost
			if f.Kind == bill.KindWork {
				operations[f.Operation] += f.Cost
			}
		}
	}
	within := func(what string, got, least, most float64) {
		t.Helper()
		t.Logf("%s: %.3f", what, got)
		if !(got >= least && got <= most) {
			t.Errorf("%s is %.3f, want %.3f to %.3f", what, got, least, most)
		}
	}
	share := func(part cost.Nanos) float64 { return float64(part) / float64(total) }
	within("rows against those asked for", float64(n)/rows, 0.9, 1.15)
	within("idle", share(kinds[bill.KindIdle]), 0.15, 0.45)
	within("work", share(kinds[bill.KindWork]), 0.35, 0.75)
	within("overhead", share(kinds[bill.KindOverhead]), 0.02, 0.1)
	within("unknown", share(kinds[bill.KindUnknown]), 0.02, 0.2)
	within("lost", share(kinds[bill.KindLost]), 0.001, 0.06)
	within("unattributed", share(kinds[bill.KindUnattributed]), 0.0005, 0.01)
	within("Gini of users", gini(slices.Collect(maps.Values(users))), 0.6, 0.93)
	within("kinds of work", float64(len(operations)), 25, 60)
	var weekdays, weekends, early, late cost.Nanos
	for d, c := range days {
		switch d.Weekday() {
		case time.Saturday, time.Sunday:
			weekends += c
		default:
			weekdays += c
		}
		if d.Before(until.AddDate(0, -9, 0)) {
			early += c
		}
		if !d.Before(until.AddDate(0, -3, 0)) {
			late += c
		}
	}
	within("a day of a weekend against one of the week", float64(weekends)/2/(float64(weekdays)/5), 0.1, 0.75)
	within("the last quarter against the first", float64(late)/float64(early), 1.2, 3.5)
}

func gini(values []cost.Nanos) float64 {
	slices.Sort(values)
	sum, weighted := 0.0, 0.0
	for i, v := range values {
		sum += float64(v)
		weighted += float64(v) * float64(i+1)
	}
	n := float64(len(values))
	return 2*weighted/(n*sum) - (n+1)/n
}

// TestWhatWentWrongShows asks the facts about each anomaly.
func TestWhatWentWrongShows(t *testing.T) {
	t.Parallel()
	org := year(t, 1_000_000)
	anomalies := map[string]seed.Anomaly{}
	for _, a := range org.Anomalies() {
		anomalies[a.Kind] = a
		if a.About == "" || !a.Since.Before(a.Until) || a.Until.After(until) {
			t.Errorf("%+v", a)
		}
	}
	// sum adds up what passes between two moments, and all of it.
	sum := func(since, until time.Time, passes func(f spend.Fact) bool) (part, all cost.Nanos) {
		for d := since.Truncate(24 * time.Hour); d.Before(until); d = d.AddDate(0, 0, 1) {
			for f := range org.Facts(d) {
				all += f.Cost
				if passes(f) {
					part += f.Cost
				}
			}
		}
		return part, all
	}
	a := anomalies["runaway"]
	saturday := a.Since.Truncate(24*time.Hour).AddDate(0, 0, 1)
	if part, all := sum(saturday, saturday.AddDate(0, 0, 2), func(f spend.Fact) bool { return f.User == a.User }); part*2 < all {
		t.Errorf("on the weekend that ran away %d of %d were of %s", part, all, a.User)
	}
	a = anomalies["forgotten"]
	part, _ := sum(a.Since, a.Until, func(f spend.Fact) bool { return f.Cluster == a.Cluster && f.Kind == bill.KindIdle })
	if all, _ := sum(a.Since, a.Until, func(f spend.Fact) bool { return f.Cluster == a.Cluster }); part*10 < all*9 || all == 0 {
		t.Errorf("the forgotten cluster was idle for %d of %d", part, all)
	}
	a = anomalies["telemetry"]
	part, _ = sum(a.Since, a.Until, func(f spend.Fact) bool { return f.Group == a.Group && f.Kind == bill.KindLost })
	if all, _ := sum(a.Since, a.Until, func(f spend.Fact) bool { return f.Group == a.Group }); part*5 < all {
		t.Errorf("in the silent month %d of %d were lost", part, all)
	}
	for kind, slower := range map[string]bool{"slow": true, "faster": false} {
		a = anomalies[kind]
		file, _, _ := strings.Cut(a.Line, ":")
		share := func(since time.Time) float64 {
			line, _ := sum(since, since.AddDate(0, 0, 60), func(f spend.Fact) bool { return fmt.Sprintf("%s:%d", f.Origin.File, f.Origin.Line) == a.Line })
			whole, _ := sum(since, since.AddDate(0, 0, 60), func(f spend.Fact) bool { return f.Origin.File == file })
			return float64(line) / float64(whole)
		}
		before, after := share(a.Since.AddDate(0, 0, -60)), share(a.Since)
		if math.IsNaN(before) || math.IsNaN(after) || (after > before*1.3) != slower || (after < before*0.7) == slower {
			t.Errorf("%s: the line had %.3f of its file before, %.3f after", kind, before, after)
		}
	}
	var core []cost.Nanos
	for _, p := range org.Prices() {
		if p.Provider == "kubernetes" && p.Unit == price.CoreHour {
			core = append(core, p.NanosPerHour)
		}
	}
	if len(core) != 2 || core[0] >= core[1] {
		t.Errorf("the cloud's prices are %v: they do not rise once", core)
	}
}

func TestWhatCannotBeMadeIsExplained(t *testing.T) {
	t.Parallel()
	good := seed.Options{Until: until, Days: 30, Rows: 1000, Users: 10, Groups: 3, Currency: "USD"}
	for want, change := range map[string]func(o *seed.Options){
		"number of users is 9":     func(o *seed.Options) { o.Users = 9 },
		"number of groups is 501":  func(o *seed.Options) { o.Groups = 501 },
		"number of days is 0":      func(o *seed.Options) { o.Days = 0 },
		"number of rows is 10":     func(o *seed.Options) { o.Rows = 10 },
		"give a midnight of UTC":   func(o *seed.Options) { o.Until = until.Add(time.Hour) },
		"give a midnight of UTC; ": func(o *seed.Options) { o.Until = time.Time{} },
	} {
		o := good
		change(&o)
		if _, err := seed.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := seed.New(good); err != nil {
		t.Error(err)
	}
}

func BenchmarkFacts(b *testing.B) {
	org := year(b, 100_000_000)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for range org.Facts(until.AddDate(0, -1, 0)) {
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(n)/float64(b.N), "rows/day")
}
