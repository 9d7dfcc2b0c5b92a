package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

const (
	// headBytes is how much of a worker's log is searched for the line that says it has registered; the line comes early.
	headBytes = 256 << 10
	// quietAfter is when a worker that lives counts as up although its log does not say so, because the user's logging
	// configuration may have silenced it.
	quietAfter = 30 * time.Second
)

// addresses reads where a scheduler listens. Dask writes the file after its listeners are open, so an address in it accepts
// connections; probing the port would only put failed handshakes into the scheduler's log.
func (b *Backend) addresses(id cluster.ID) (scheduler, dashboard string) {
	text, err := os.ReadFile(b.schedulerFile(id))
	if err != nil {
		return "", ""
	}
	var file struct {
		Address  string `json:"address"`
		Services struct {
			Dashboard int `json:"dashboard"`
		} `json:"services"`
	}
	if json.Unmarshal(text, &file) != nil {
		return "", "" // half written
	}
	if file.Services.Dashboard != 0 {
		dashboard = fmt.Sprintf("http://127.0.0.1:%d/status", file.Services.Dashboard)
	}
	return file.Address, dashboard
}

// registered reports whether a worker has registered with its scheduler: Dask says so in the worker's log.
func (b *Backend) registered(r *record, now time.Time) bool {
	if b.up[r.ID] {
		return true
	}
	info, err := os.Stat(b.schedulerFile(r.ClusterID))
	if err != nil {
		return false // there is nothing to register with
	}
	up := now.Sub(r.StartedAt) > quietAfter && now.Sub(info.ModTime()) > quietAfter
	if f, err := os.Open(b.logPath(r)); err == nil {
		head, err := io.ReadAll(io.LimitReader(f, headBytes))
		up = up || err == nil && bytes.Contains(head, []byte("Registered to:"))
		_ = f.Close()
	}
	if up {
		b.up[r.ID] = true
	}
	return up
}
