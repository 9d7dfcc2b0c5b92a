package app_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/lineitem/lineitem/internal/app"
	"github.com/lineitem/lineitem/sdk"
)

// TestTheWarehouseMayLiveInABucket starts a server on a bucket and asks it, and refuses buckets that cannot be used.
func TestTheWarehouseMayLiveInABucket(t *testing.T) {
	backend := s3mem.New()
	s3 := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(s3.Close)
	if err := backend.CreateBucket("segments"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "only-for-this-test")
	t.Setenv("AWS_REGION", "us-east-1")
	for address, want := range map[string]string{
		"segments":                    "--warehouse-bucket is no address of a bucket: give s3://bucket/prefix",
		"s3://user:secret@segments":   "give those as AWS_ACCESS_KEY_ID",
		s3.URL + "/nothing-here":      "there is no bucket nothing-here",
		"http://127.0.0.1:1/segments": "open the bucket segments at 127.0.0.1:1",
	} {
		cfg := settings(t)
		cfg.WarehouseBucket = address
		if _, err := app.Open(t.Context(), cfg, app.Options{NoSync: true}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nothing was started") {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	cfg := settings(t)
	cfg.WarehouseBucket = s3.URL + "/segments/lineitem"
	a, _ := start(t, cfg)
	token, err := a.MintToken(t.Context(), "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	client, err := sdk.New(a.URL(), token)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := client.CostBreakdown(t.Context(), sdk.BreakdownOptions{By: []string{"user"}}); err != nil || len(answer.Rows) != 0 {
		t.Errorf("%+v: %v", answer, err)
	}
}
