package api_test

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// TestFilesOfAnAnswer asks one question four times: whatever the form, it is the same money.
func TestFilesOfAnAnswer(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := flown(t, s)
	ben, _ := s.AddUser(t, "ben")
	q := sdk.BreakdownOptions{By: []string{"cluster", "line", "category"}, Until: s.Clock.Now().Add(time.Hour), Zone: "Europe/Oslo"}
	answer, err := s.User.CostBreakdown(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if answer.TotalNanos == 0 || len(answer.Rows) < 3 {
		t.Fatalf("too little was spent: %+v", answer)
	}
	for _, limit := range []int{0, 1} {
		q.Limit = limit
		rows, sum := csvSum(t, costFile(t, s.User, q, sdk.FileCSV))
		if sum != answer.TotalNanos || rows[0]["cluster"] != c.ID || rows[0]["line"] != answer.Rows[0].Keys[1] || rows[0]["cluster_name"] != c.Name {
			t.Errorf("the CSV file of at most %d rows sums to %d, the answer to %d: %v", limit, sum, answer.TotalNanos, rows)
		}
		last := rows[len(rows)-1]
		if left := strconv.Itoa(len(answer.Rows) - 1); limit == 1 && (len(rows) != 2 || last["rest_rows"] != left || last["line"] != "") {
			t.Errorf("the rest of %s rows is %v", left, last)
		}
		reader, err := ipc.NewFileReader(bytes.NewReader(costFile(t, s.User, q, sdk.FileArrow)))
		if err != nil {
			t.Fatal(err)
		}
		batch, err := reader.RecordBatch(0)
		if err != nil {
			t.Fatal(err)
		}
		sum = 0
		for _, nanos := range batch.Column(4).(*array.Int64).Int64Values() {
			sum += nanos
		}
		if zone, _ := reader.Schema().Metadata().GetValue("lineitem.zone"); sum != answer.TotalNanos || batch.ColumnName(4) != "cost_nanos" || zone != "Europe/Oslo" {
			t.Errorf("the Arrow file's %s sums to %d in %q", batch.ColumnName(4), sum, zone)
		}
		if data := costFile(t, s.User, q, sdk.FileParquet); !bytes.HasPrefix(data, []byte("PAR1")) || !bytes.HasSuffix(data, []byte("PAR1")) {
			t.Errorf("the Parquet file is %d bytes that begin %q", len(data), data[:4])
		}
	}
	// Others see nothing of it.
	if rows, sum := csvSum(t, costFile(t, ben, sdk.BreakdownOptions{By: []string{"cluster"}, Until: q.Until}, sdk.FileCSV)); len(rows) != 0 || sum != 0 {
		t.Errorf("a stranger reads %v", rows)
	}
	if _, err := s.User.CostFile(t.Context(), q, "xlsx"); err == nil || !strings.Contains(err.Error(), `no file of costs in the format "xlsx"`) {
		t.Errorf("an unknown format is answered %v", err)
	}
}

func TestFilesOfAnAnswerAreNamed(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for ending, contentType := range map[string]string{
		"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet", "arrow": "application/vnd.apache.arrow.file",
	} {
		r := newRequest(t, http.MethodGet, s.URL+"/api/v1/cost/breakdown."+ending+"?by=user,day&since=2025-12-31T23:30:00Z&until=2026-01-02T00:00:00Z&zone=Europe/Oslo", "")
		r.SetBasicAuth("pandas", s.UserToken)
		response, body := s.Do(t, r)
		want := `attachment; filename="lineitem-cost-user-day-2026-01-01-2026-01-02.` + ending + `"`
		if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != contentType || response.Header.Get("Content-Disposition") != want {
			t.Errorf("%s: %d, %v: %s", ending, response.StatusCode, response.Header, body)
		}
		for query, sentence := range map[string]string{
			"by=colour":                     `\"colour\" is nothing to group by`,
			"by=user&zone=Mars":             `\"Mars\" is no IANA time zone`,
			"by=user&where=colour=red":      `\"colour\" is nothing to filter by`,
			"by=user&limit=1000001":         "limit",
			"by=user&until=2020&since=2021": "since",
		} {
			r := newRequest(t, http.MethodGet, s.URL+"/api/v1/cost/breakdown."+ending+"?"+query, "")
			r.SetBasicAuth("pandas", s.UserToken)
			if response, body := s.Do(t, r); response.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(body), sentence) {
				t.Errorf("%s of %s: %d, %s", ending, query, response.StatusCode, body)
			}
		}
	}
}

func costFile(t *testing.T, client *sdk.Client, q sdk.BreakdownOptions, format string) []byte {
	t.Helper()
	data, err := client.CostFile(t.Context(), q, format)
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return data
}

// csvSum reads a file of costs: its rows by column, and what they cost.
func csvSum(t *testing.T, data []byte) (rows []map[string]string, nanos int64) {
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
		n, err := strconv.ParseInt(row["cost_nanos"], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		nanos += n
		rows = append(rows, row)
	}
	return rows, nanos
}
