package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/bucket"
)

// keys are for a server that this test starts.
var keys = bucket.Credentials{AccessKey: "test", SecretKey: "only-for-this-test", Region: "us-east-1"}

// server starts an S3 server with a bucket and opens that.
func server(t *testing.T, prefix string) *bucket.Bucket {
	t.Helper()
	backend := s3mem.New()
	s := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(s.Close)
	if err := backend.CreateBucket("segments"); err != nil {
		t.Fatal(err)
	}
	b, err := bucket.Open(t.Context(), address(t, s.URL+"/segments/"+prefix), keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Open(t.Context(), address(t, s.URL+"/nothing-here"), keys); err == nil || !strings.Contains(err.Error(), "there is no bucket nothing-here") {
		t.Errorf("a bucket that is not there: %v", err)
	}
	return b
}

func address(t *testing.T, text string) bucket.Address {
	t.Helper()
	a, err := bucket.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func shelf(t *testing.T, b *bucket.Bucket, folder string, bound int64) *bucket.Shelf {
	t.Helper()
	s, err := bucket.NewShelf(b, folder, ".parquet", bound)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write makes a file and keeps it, and returns what is in it.
func write(t *testing.T, s *bucket.Shelf, folder, name string, bytes int) string {
	t.Helper()
	text := strings.Repeat(name+"\n", bytes/len(name)+1)[:bytes]
	if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return text
}

func list(t *testing.T, b *bucket.Bucket) (names []string) {
	t.Helper()
	for f, err := range b.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Written.IsZero() || f.Bytes == 0 {
			t.Errorf("%+v", f)
		}
		names = append(names, f.Name)
	}
	return names
}

func TestFilesComeBackAndTheFolderStaysSmall(t *testing.T) {
	t.Parallel()
	b, folder := server(t, "some/where"), t.TempDir()
	s := shelf(t, b, folder, 2500)
	texts := map[string]string{}
	var names []string
	for i := range 10 {
		name := fmt.Sprintf("lines/%d.parquet", i)
		names = append(names, name)
		texts[name] = write(t, s, folder, name, 1000)
		if s.Bytes() > 2500 {
			t.Fatalf("the folder holds %d bytes", s.Bytes())
		}
	}
	if got := list(t, b); !slices.Equal(got, names) {
		t.Errorf("the bucket holds %v", got)
	}
	release, err := s.Hold(t.Context(), names) // more than the bound, but all at once
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range texts {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || string(got) != want {
			t.Errorf("%s is not what it was: %v", name, err)
		}
	}
	release()
	release() // twice is once
	if s.Bytes() > 2500 {
		t.Errorf("the folder holds %d bytes after all was released", s.Bytes())
	}
	// Another process takes the folder as it is, without the rest of a download that a crash cut off.
	if err := os.WriteFile(filepath.Join(folder, "lines", "7.parquet.123.part"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := shelf(t, b, folder, 2500)
	if again.Bytes() != s.Bytes() {
		t.Errorf("the folder has %d bytes for the next process, %d for this one", again.Bytes(), s.Bytes())
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "lines", "*.part")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	if err := again.Remove(t.Context(), names[:9]...); err != nil {
		t.Fatal(err)
	}
	if err := again.Remove(t.Context(), names[0]); err != nil {
		t.Errorf("what is not there is removed: %v", err)
	}
	if got := list(t, b); !slices.Equal(got, names[9:]) {
		t.Errorf("the bucket holds %v", got)
	}
	if _, err := again.Hold(t.Context(), []string{names[9], names[0]}); !errors.Is(err, bucket.ErrMissing) || !strings.Contains(err.Error(), names[0]) {
		t.Errorf("a file that is gone: %v", err)
	}
}

// TestManyReadersFetchOnce lets readers come and go, some of whom give up: nobody else notices, and what is held is there.
func TestManyReadersFetchOnce(t *testing.T) {
	t.Parallel()
	b, folder := server(t, ""), t.TempDir()
	s := shelf(t, b, folder, 3000)
	var names []string
	for i := range 8 {
		names = append(names, fmt.Sprintf("%d.parquet", i))
		write(t, s, folder, names[i], 1000)
	}
	var group sync.WaitGroup
	for reader := range 16 {
		group.Go(func() {
			order := rand.New(rand.NewPCG(1, uint64(reader)))
			for range 20 {
				ctx, cancel := context.WithCancel(t.Context())
				if reader%4 == 0 {
					go cancel()
				}
				wanted := []string{names[order.IntN(8)], names[order.IntN(8)]}
				release, err := s.Hold(ctx, wanted)
				switch {
				case err == nil:
					for _, name := range wanted {
						if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
							t.Errorf("%s is held and not there: %v", name, err)
						}
					}
					release()
				case reader%4 != 0:
					t.Errorf("reader %d: %v", reader, err)
				}
				cancel()
			}
		})
	}
	group.Wait()
	if s.Bytes() > 3000 {
		t.Errorf("the folder holds %d bytes", s.Bytes())
	}
}

func TestAddressesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bucket.Address{
		"s3://data":                             {Endpoint: "s3.amazonaws.com", Secure: true, Bucket: "data"},
		"s3://data/a/b/":                        {Endpoint: "s3.amazonaws.com", Secure: true, Bucket: "data", Prefix: "a/b/"},
		"https://minio.example.org:9000/data/a": {Endpoint: "minio.example.org:9000", Secure: true, Bucket: "data", Prefix: "a/"},
		"http://127.0.0.1:9000/data":            {Endpoint: "127.0.0.1:9000", Bucket: "data"},
	} {
		if got := address(t, text); got != want {
			t.Errorf("%s is %+v, want %+v", text, got, want)
		}
	}
	for _, text := range []string{
		"", "data", "s3://", "s3://UPPER", "s3://ab", "https://host", "https://host/", "ftp://host/data", "s3://data/../other", "s3://data?x=1", "s3://user:geheim@data", "s3://data\x7f",
	} {
		if _, err := bucket.ParseAddress(text); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParseAddress holds that no address reaches outside its bucket and prefix, and that secrets are not repeated.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"s3://data/a", "https://h/data/..", "http://u:p@h/data", "s3:///x", "https://h/data//x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := bucket.ParseAddress(text)
		if err != nil {
			return
		}
		if a.Bucket == "" || strings.Contains(a.Bucket, "/") || a.Endpoint == "" || strings.HasPrefix(a.Prefix, "/") ||
			slices.Contains(strings.Split(a.Prefix, "/"), "..") || (a.Prefix != "" && !strings.HasSuffix(a.Prefix, "/")) {
			t.Errorf("%q is %+v", text, a)
		}
	})
}

func TestCredentialsComeFromTheUsualVariables(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		env := rapid.MapOf(rapid.SampledFrom([]string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"}), rapid.StringN(1, 5, -1)).Draw(t, "env")
		got := bucket.CredentialsFrom(func(name string) (string, bool) { text, ok := env[name]; return text, ok })
		region := env["AWS_REGION"]
		if region == "" {
			region = env["AWS_DEFAULT_REGION"]
		}
		if want := (bucket.Credentials{AccessKey: env["AWS_ACCESS_KEY_ID"], SecretKey: env["AWS_SECRET_ACCESS_KEY"], SessionToken: env["AWS_SESSION_TOKEN"], Region: region}); got != want {
			t.Errorf("%v gives %+v", env, got)
		}
	})
}
