package api_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lineitem/lineitem/internal/api"
	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// focusSum reads a FOCUS file: its rows by column, and what they cost.
func focusSum(t *testing.T, data []byte) (rows []map[string]string, nanos int64) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, cell := range record {
			row[records[0][i]] = cell
		}
		n, err := strconv.ParseInt(row["x_CostNanos"], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		nanos += n
		rows = append(rows, row)
	}
	return rows, nanos
}

// TestFocusSumsToTheCosts holds the file against the answer in figures, for everyone and for windows side by side.
func TestFocusSumsToTheCosts(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ben, _ := s.AddUser(t, "ben")
	mine := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "flights", Options: sdk.ClusterOptions{Workers: 2}})
	began := s.Clock.Now()
	s.Clock.Advance(100 * time.Minute)
	s.RunCluster(t, ben, sdk.CreateClusterRequest{Name: "rides", Options: sdk.ClusterOptions{Workers: 1}})
	s.Clock.Advance(100 * time.Minute)
	for name, client := range map[string]*sdk.Client{"ana": s.User, "ben": ben, "admin": s.Admin} {
		costs, err := client.Costs(t.Context(), sdk.CostOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := client.CostFocus(t.Context(), "", sdk.CostOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rows, sum := focusSum(t, data)
		if sum != costs.TotalNanos || sum == 0 {
			t.Errorf("%s's file sums to %d, the costs to %d", name, sum, costs.TotalNanos)
		}
		for _, row := range rows {
			if name != "admin" && row["SubAccountName"] != name {
				t.Errorf("%s sees a row of %s", name, row["SubAccountName"])
			}
			if row["ChargePeriodStart"][:13] != row["ChargePeriodEnd"][:13] && !strings.HasSuffix(row["ChargePeriodEnd"], ":00:00Z") {
				t.Errorf("a row of more than an hour: %v", row)
			}
		}
	}

	middle := began.Add(37*time.Minute + 5*time.Second)
	_, whole := focusSum(t, focusOf(t, s.User, mine.ID, sdk.CostOptions{Until: s.Clock.Now().Add(time.Hour)}))
	_, first := focusSum(t, focusOf(t, s.User, mine.ID, sdk.CostOptions{Until: middle}))
	rows, second := focusSum(t, focusOf(t, s.User, "flights", sdk.CostOptions{Since: middle}))
	if first+second != whole || first == 0 || second == 0 {
		t.Errorf("%d and %d make %d", first, second, whole)
	}
	if rows[0]["ChargePeriodStart"] != middle.Format("2006-01-02T15:04:05Z") {
		t.Errorf("the window starts at %v, the first row at %s", middle, rows[0]["ChargePeriodStart"])
	}

	if _, err := ben.CostFocus(t.Context(), mine.ID, sdk.CostOptions{}); !sdk.IsCode(err, "not_found") {
		t.Errorf("ben asks for ana's cluster: %v", err)
	}
	if _, err := s.User.CostFocus(t.Context(), "", sdk.CostOptions{Since: middle, Until: began}); !sdk.IsCode(err, "invalid") {
		t.Errorf("a window that ends before it begins: %v", err)
	}
	if _, err := s.User.CostFocus(t.Context(), "", sdk.CostOptions{Since: s.Clock.Now().Add(time.Hour), Until: s.Clock.Now().Add(2 * time.Hour)}); !sdk.IsCode(err, "invalid") {
		t.Errorf("a window in the future: %v", err)
	}
}

func focusOf(t *testing.T, client *sdk.Client, ref string, o sdk.CostOptions) []byte {
	t.Helper()
	data, err := client.CostFocus(t.Context(), ref, o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// halfway fails after the first rows.
type halfway struct{ broken }

func (halfway) ProcessHours(context.Context, time.Time, identity.Actor, string, time.Time, time.Time) (iter.Seq2[bill.ProcessHour, error], error) {
	return func(yield func(bill.ProcessHour, error) bool) {
		for range 1000 {
			if !yield(bill.ProcessHour{}, nil) {
				return
			}
		}
		yield(bill.ProcessHour{}, errors.New("dial database: "+secretCause))
	}, nil
}

// Of says that nothing was invoiced.
func (halfway) Of(context.Context, identity.Actor, time.Time, time.Time) (ledger.ProcessTrueUps, error) {
	return ledger.ProcessTrueUps{}, nil
}

// TestHalfAFileIsNoFile checks that who downloads learns that the server failed after it had begun to answer.
func TestHalfAFileIsNoFile(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	b := halfway{}
	s := httptest.NewServer(api.New(api.Config{
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now, Identity: b, Clusters: b, Bills: b, TrueUps: b, Registry: prometheus.NewRegistry(),
		Ready: func(context.Context) error { return nil }, Ingest: http.NotFoundHandler(), UI: http.NotFoundHandler(), PublicURL: "http://x",
		Card: func(time.Time) cost.Card { return cost.Card{Currency: "USD"} },
	}))
	defer s.Close()
	r := newRequest(t, http.MethodGet, s.URL+"/api/v1/cost.focus.csv", "")
	r.Header.Set("Authorization", "Bearer x")
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil || len(body) == 0 || strings.Contains(string(body), secretCause) {
		t.Errorf("%d bytes and %v, want some and an error", len(body), err)
	}
	if text := log.String(); !strings.Contains(text, "answer broken off") || !strings.Contains(text, secretCause) {
		t.Errorf("the log does not say why:\n%s", text)
	}
}
