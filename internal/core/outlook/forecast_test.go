package outlook_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/outlook"
)

const dollar = 1_000_000_000

var monday = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// story makes the days of an organisation: a level that may grow and jump, a week, and noise of a size.
type story struct {
	level, growth, noise float64
	weekend              float64 // of a weekday
	jumpAt               int     // day on which the level changes; 0 for never
	jump                 float64 // by which factor
	ramp                 int     // over how many days
	spikeAt              int     // a day that costs five times as much
}

func (s story) days(n int, seed uint64) outlook.Series {
	r := rand.New(rand.NewPCG(seed, 7))
	out := outlook.Series{First: monday}
	for i := range n {
		y := s.level * math.Pow(1+s.growth, float64(i))
		if w := out.Day(i).Weekday(); w == time.Saturday || w == time.Sunday {
			y *= s.weekend
		}
		if s.jumpAt > 0 && i >= s.jumpAt {
			y *= 1 + (s.jump-1)*min(1, float64(i-s.jumpAt+1)/float64(max(s.ramp, 1)))
		}
		if s.spikeAt > 0 && i == s.spikeAt {
			y *= 5
		}
		y *= math.Exp(s.noise*r.NormFloat64() - s.noise*s.noise/2)
		out.Days = append(out.Days, cost.Nanos(y*dollar))
	}
	return out
}

// score is how forecasts of the end of a month did: the mean error of ours and of an even pace as shares of the truth, how often the truth lay within the interval, and how
// wide that was as a share of the truth.
type score struct {
	ours, pace, within, width float64
	n                         int
}

func (s *score) add(history outlook.Series, begun, now, end int) {
	past := outlook.Series{First: history.First, Days: history.Days[:now]}
	spent, truth := history.Sum(begun, now), history.Sum(begun, end)
	f, ok := outlook.Predict(past, spent, 0, end-now-1)
	if !ok || truth == 0 {
		return
	}
	naive := float64(spent) / float64(now-begun) * float64(end-begun)
	s.ours += math.Abs(float64(f.Mid-truth)) / float64(truth)
	s.pace += math.Abs(naive-float64(truth)) / float64(truth)
	s.width += float64(f.High-f.Low) / float64(truth)
	if f.Low <= truth && truth <= f.High {
		s.within++
	}
	s.n++
}

func (s *score) mean() (ours, pace, within, width float64) {
	n := float64(s.n)
	return s.ours / n, s.pace / n, s.within / n, s.width / n
}

// TestBackTest forecasts the ends of many made-up months from every fifth day of each, and holds the forecasts against what came and against an even pace. Forecasts
// from before a change of the level to after it are counted apart: nobody can know.
func TestBackTest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		story
		most         float64 // mean error
		least, upper float64 // share within the interval
		wide         float64 // mean width
	}{
		"steady":             {story{level: 1000, noise: 0.15, weekend: 0.4}, 0.04, 0.80, 0.99, 0.12},
		"noisy":              {story{level: 1000, noise: 0.6, weekend: 0.5}, 0.12, 0.78, 0.98, 0.45},
		"growing":            {story{level: 500, growth: 0.006, noise: 0.2, weekend: 0.4}, 0.075, 0.72, 0.98, 0.20},
		"weekdays only":      {story{level: 800, noise: 0.3, weekend: 0}, 0.06, 0.78, 0.99, 0.26},
		"level doubling":     {story{level: 500, noise: 0.2, weekend: 0.4, jumpAt: 75, jump: 2}, 0.06, 0.80, 0.97, 0.20},
		"level halving":      {story{level: 500, noise: 0.2, weekend: 0.4, jumpAt: 75, jump: 0.5}, 0.06, 0.80, 0.97, 0.20},
		"half as much again": {story{level: 500, noise: 0.2, weekend: 0.4, jumpAt: 75, jump: 1.5}, 0.06, 0.80, 0.97, 0.20},
		"a jump in noise":    {story{level: 500, noise: 0.5, weekend: 0.5, jumpAt: 75, jump: 2}, 0.12, 0.78, 0.97, 0.45},
		"a group's launch":   {story{level: 500, noise: 0.2, weekend: 0.4, jumpAt: 70, jump: 1.8, ramp: 14}, 0.08, 0.74, 0.97, 0.22},
		"a dear day":         {story{level: 500, noise: 0.2, weekend: 0.4, spikeAt: 75}, 0.06, 0.78, 0.99, 0.24},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s, blind score
			for seed := range uint64(60) {
				all := c.days(120, seed)
				for _, begun := range []int{30, 60, 90} {
					for day := 2; day < 28; day += 5 {
						if begun+day <= c.jumpAt && c.jumpAt < begun+30 {
							blind.add(all, begun, begun+day, begun+30)
						} else {
							s.add(all, begun, begun+day, begun+30)
						}
					}
				}
			}
			ours, pace, within, width := s.mean()
			t.Logf("%s, %d forecasts: mean error %.1f %%, of an even pace %.1f %%; %.0f %% within the interval, which is %.0f %% wide", name, s.n, 100*ours, 100*pace, 100*within, 100*width)
			if blind.n > 0 {
				missed, _, seen, _ := blind.mean()
				t.Logf("%s, %d forecasts over a change to come: mean error %.1f %%; %.0f %% within the interval", name, blind.n, 100*missed, 100*seen)
			}
			if ours > c.most || ours >= pace {
				t.Errorf("mean error %.3f, even pace %.3f; want at most %.3f and less than the pace", ours, pace, c.most)
			}
			if within < c.least || within > c.upper {
				t.Errorf("%.2f of the truths lie within the interval, want %.2f to %.2f", within, c.least, c.upper)
			}
			if width > c.wide {
				t.Errorf("the interval is %.2f wide, want at most %.2f", width, c.wide)
			}
		})
	}
}

// TestAfterAJump forecasts the end of a month from each of the first days after the level changed, of which the first two are a weekend: the interval is honest from the fourth
// day on, and wide only while few days are known.
func TestAfterAJump(t *testing.T) {
	t.Parallel()
	for _, jump := range []float64{2, 0.5} {
		var by [15]score
		for seed := range uint64(100) {
			all := story{level: 500, noise: 0.2, weekend: 0.4, jumpAt: 75, jump: jump}.days(120, seed)
			for after := 1; after < len(by); after++ {
				by[after].add(all, 75-2, 75+after, 75+28)
			}
		}
		for after := 1; after < len(by); after++ {
			ours, _, within, width := by[after].mean()
			t.Logf("to %.1f times, %d days after: mean error %.1f %%, %.0f %% within the interval, which is %.0f %% wide", jump, after, 100*ours, 100*within, 100*width)
			if after >= 4 && within < 0.76 {
				t.Errorf("to %.1f times, %d days after: %.2f within the interval, want 0.76", jump, after, within)
			}
		}
		_, _, _, early := by[4].mean()
		if _, _, _, late := by[14].mean(); late > early/2 {
			t.Errorf("to %.1f times: the interval is %.2f wide after four days and %.2f after fourteen", jump, early, late)
		}
	}
}

func TestTooShortAHistoryHasNoForecast(t *testing.T) {
	t.Parallel()
	s := story{level: 10, noise: 0.1, weekend: 1}.days(outlook.MinHistory, 1)
	if _, ok := outlook.Predict(outlook.Series{First: s.First, Days: s.Days[1:]}, 0, 0, 10); ok {
		t.Error("a day less than needed has a forecast")
	}
	// Days on which nothing was spent yet are no history.
	padded := outlook.Series{First: s.First.AddDate(0, 0, -60), Days: append(make([]cost.Nanos, 60), s.Days[1:]...)}
	if _, ok := outlook.Predict(padded, 0, 0, 10); ok {
		t.Error("days before the first spend count as history")
	}
	if _, ok := outlook.Predict(s, 0, 0, 10); !ok {
		t.Error("enough history has no forecast")
	}
}

// Whatever the history, a forecast keeps what was spent, orders its bounds, grows day by day and covers every day that is left.
func TestForecastsAreInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := outlook.Series{First: monday}
		for _, n := range rapid.SliceOfN(rapid.Int64Range(0, 1e14), outlook.MinHistory, 120).Draw(t, "days") {
			s.Days = append(s.Days, cost.Nanos(n))
		}
		s.Days[0]++
		spent := cost.Nanos(rapid.Int64Range(0, 1e15).Draw(t, "spent"))
		after := rapid.IntRange(0, 30).Draw(t, "after")
		f, ok := outlook.Predict(s, spent, rapid.Float64Range(0, 1).Draw(t, "elapsed"), after)
		if len(s.Days) > outlook.MaxHistory {
			return // what is left of it may begin with days without spend
		}
		if !ok {
			t.Fatal("no forecast")
		}
		if len(f.Path) != after+1 || f.Path[after] != (outlook.Point{Low: f.Low, Mid: f.Mid, High: f.High}) {
			t.Fatalf("path of %d days ends elsewhere than the forecast: %+v", len(f.Path), f)
		}
		var last cost.Nanos
		for _, p := range f.Path {
			if p.Low < spent || p.Low > p.Mid || p.Mid > p.High || p.Mid < last {
				t.Fatalf("%+v after %d spent", p, spent)
			}
			last = p.Mid
		}
	})
}

// A month of nothing but the same: the forecast is the sum, and the interval is closed.
func TestForecastOfAConstant(t *testing.T) {
	t.Parallel()
	s := outlook.Series{First: monday}
	for range 56 {
		s.Days = append(s.Days, 100*dollar)
	}
	f, ok := outlook.Predict(s, 250*dollar, 0.5, 9)
	if !ok || f.Mid != (250+50+900)*dollar || f.Low != f.Mid || f.High != f.Mid || f.History != 56 {
		t.Errorf("%+v", f)
	}
}
