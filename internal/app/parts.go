package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
)

// logReader reads logs from the backend that wrote them.
type logReader map[string]backend.Backend

// slack is how much more than asked is read, to find out whether there is more, given that a backend begins at a line.
const slack = 64 << 10

// defaultTail bounds a log of which the caller wants all.
const defaultTail = 8 << 20

func (l logReader) ReadLog(ctx context.Context, c cluster.Cluster, p cluster.ProcessID, tail int64) ([]byte, bool, error) {
	b, ok := l[c.Backend]
	if !ok {
		return nil, false, errs.New(errs.NotFound, "", "The backend %q of cluster %s is not configured on this server, so its logs cannot be read.", c.Backend, c.Name)
	}
	if tail <= 0 || tail > defaultTail {
		tail = defaultTail
	}
	r, err := b.Logs(ctx, p, tail+slack)
	if errors.Is(err, backend.ErrGone) {
		return nil, false, errs.New(errs.NotFound, "", "There is no log of %s.", p)
	}
	if err != nil {
		return nil, false, fmt.Errorf("open log: %w", err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, 2*(tail+slack)))
	if err != nil {
		return nil, false, fmt.Errorf("read log: %w", err)
	}
	text, truncated := lastLines(text, int(tail))
	return text, truncated, nil
}

// lastLines returns about the last n bytes of text, beginning at a line where there is one, and whether that is not all.
func lastLines(text []byte, n int) ([]byte, bool) {
	if len(text) <= n {
		return text, false
	}
	cut := text[len(text)-n:]
	for i, b := range cut {
		if b == '\n' && i+1 < len(cut) {
			return cut[i+1:], true
		}
	}
	return cut, true
}

// processEnv is the environment of a process that depends on the server; its backend adds what depends on the machine.
func (a *App) processEnv(c cluster.Cluster, p cluster.Process) map[string]string {
	return environment(a.localURL(), c, p)
}

func environment(url string, c cluster.Cluster, p cluster.Process) map[string]string {
	env := map[string]string{
		"LINEITEM_SERVER":  url,
		"LINEITEM_CLUSTER": string(c.ID),
		"LINEITEM_PROCESS": string(p.ID),
	}
	_, chosen := c.Options.Env[daskProfile]
	if !chosen && !strings.EqualFold(strings.TrimSpace(c.Options.Env["LINEITEM_AGENT"]), "off") {
		env[daskProfile] = daskProfileInterval
	}
	return env
}

// Dask looks at the stacks of a worker's threads itself, for its dashboard, by default every 10 ms; each look takes the interpreter's lock
// from the user's work. Where our agent looks as well, a tenth of that is enough for the dashboard, and work is not slower for being watched
// (docs/python.md). Schedulers get it too: the dashboard converts looks to seconds by it.
const (
	daskProfile         = "DASK_DISTRIBUTED__WORKER__PROFILE__INTERVAL"
	daskProfileInterval = "100ms"
)
