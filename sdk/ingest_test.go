package sdk_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/lineitem/lineitem/sdk"
)

// TestPostBatches reads what is posted with another library.
func TestPostBatches(t *testing.T) {
	t.Parallel()
	var got struct {
		Version int      `msgpack:"v"`
		Agent   string   `msgpack:"agent"`
		Batches [][]byte `msgpack:"batches"`
	}
	status, body := http.StatusOK, `{"accepted":1,"duplicates":1,"rejected":[{"index":1,"code":"invalid_batch","message":"No."}],"knobs":{"source_text":true}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/below/ingest/v1/batches" || r.Header.Get("Authorization") != "Bearer lia_1" || r.Header.Get("Content-Type") != "application/msgpack" {
			t.Errorf("%v: %s %v", err, r.URL, r.Header)
		}
		if err := msgpack.Unmarshal(data, &got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	c, err := sdk.New(server.URL+"/below", "user-token")
	if err != nil {
		t.Fatal(err)
	}
	sent := [][]byte{{}, {1}, bytes.Repeat([]byte{7}, 70_000)}
	answer, err := c.PostBatches(t.Context(), "lia_1", "watch/"+strings.Repeat("1", 200), sent)
	if err != nil || answer.Accepted != 1 || answer.Duplicates != 1 || len(answer.Rejected) != 1 || answer.Rejected[0].Index != 1 || !answer.Knobs.SourceText {
		t.Errorf("%+v, %v", answer, err)
	}
	if got.Version != 1 || len(got.Agent) != 100 || len(got.Batches) != 3 || len(got.Batches[0]) != 0 || !bytes.Equal(got.Batches[2], sent[2]) {
		t.Errorf("posted: %d, %q, %d batches", got.Version, got.Agent, len(got.Batches))
	}
	if _, err := c.PostBatches(t.Context(), "lia_1", "", nil); err != nil || len(got.Batches) != 0 {
		t.Errorf("a heartbeat: %v, %d", err, len(got.Batches))
	}
	status, body = http.StatusUnauthorized, `{"code":"unauthenticated","message":"The post needs the agent token of a cluster; nothing was stored.","fields":[]}`
	var refused *sdk.APIError
	if _, err = c.PostBatches(t.Context(), "lia_1", "", nil); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || refused.Code != "unauthenticated" {
		t.Errorf("refused: %v", err)
	}
	server.Close()
	var unreachable *sdk.UnreachableError
	if _, err := c.PostBatches(t.Context(), "lia_1", "", nil); !errors.As(err, &unreachable) {
		t.Errorf("nobody there: %v", err)
	}
}
