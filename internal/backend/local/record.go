package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// record is what the folder keeps of one process: written before it is created and after each step, so that whoever comes next
// knows what may exist.
type record struct {
	ID        cluster.ProcessID `json:"id"`
	ClusterID cluster.ID        `json:"cluster_id"`
	Role      cluster.Role      `json:"role"`
	Name      string            `json:"name"`
	// IntendedAt is when the launch was decided; PID is 0 until the process exists.
	IntendedAt time.Time `json:"intended_at,omitzero"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	// PID, Start and Boot together name one process: Start is the kernel's start time of it.
	PID   int    `json:"pid,omitempty"`
	Start uint64 `json:"start,omitempty"`
	Boot  string `json:"boot,omitempty"`
	// StopAskedAt is when Stop was first called, KillAt when patience ends, TermSent that the process was told.
	StopAskedAt time.Time `json:"stop_asked_at,omitzero"`
	KillAt      time.Time `json:"kill_at,omitzero"`
	TermSent    bool      `json:"term_sent,omitempty"`
	// MainGoneAt is when the process ended, NoticedAt when that was seen, LeftSeen that children outlived it.
	MainGoneAt time.Time `json:"main_gone_at,omitzero"`
	NoticedAt  time.Time `json:"noticed_at,omitzero"`
	LeftSeen   bool      `json:"left_seen,omitempty"`
	ExitCode   *int      `json:"exit_code,omitempty"`
	// EndedAt is when nothing was left of it.
	EndedAt time.Time `json:"ended_at,omitzero"`
}

func (b *Backend) clusterDir(id cluster.ID) string {
	return filepath.Join(b.dir, "clusters", string(id))
}

func (b *Backend) archiveDir(id cluster.ID) string {
	return filepath.Join(b.dir, "archive", string(id))
}

func (b *Backend) recordPath(r *record) string {
	return filepath.Join(b.clusterDir(r.ClusterID), "processes", string(r.ID)+".json")
}

func (b *Backend) logPath(r *record) string {
	return filepath.Join(b.clusterDir(r.ClusterID), "logs", string(r.ID)+".log")
}

func (b *Backend) schedulerFile(id cluster.ID) string {
	return filepath.Join(b.clusterDir(id), "run", "scheduler.json")
}

// save writes the record so that a crash leaves either the old or the new one.
func (b *Backend) save(r *record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("save record of %s: %w", r.ID, err)
	}
	path := b.recordPath(r)
	if err := writeDurably(path+".tmp", append(text, '\n')); err != nil {
		return fmt.Errorf("save record of %s: %w", r.ID, err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("save record of %s: %w", r.ID, err)
	}
	return nil
}

func writeDurably(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// records reads the records of all clusters that have not been forgotten.
func (b *Backend) records() ([]*record, error) {
	paths, err := filepath.Glob(filepath.Join(b.dir, "clusters", "*", "processes", "*.json"))
	if err != nil {
		return nil, err
	}
	return b.loadAll(paths), nil
}

func (b *Backend) recordsOf(id cluster.ID) ([]*record, error) {
	paths, err := filepath.Glob(filepath.Join(b.clusterDir(id), "processes", "*.json"))
	if err != nil {
		return nil, err
	}
	return b.loadAll(paths), nil
}

// loadAll leaves out records that cannot be read, so that one damaged file does not hide all others.
func (b *Backend) loadAll(paths []string) []*record {
	out := make([]*record, 0, len(paths))
	for _, p := range paths {
		if r, err := b.load(p); err == nil {
			out = append(out, r)
		}
	}
	return out
}

// load reads a record. A damaged one is put aside and does not exist from then on; what it stood for is still found by its tag.
func (b *Backend) load(path string) (*record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(text, r); err != nil {
		b.logger.Error("a process record is damaged and was put aside", slog.String("path", path), slog.Any("error", err))
		if err := os.Rename(path, path+".damaged"); err != nil {
			return nil, err
		}
		return nil, fs.ErrNotExist
	}
	return r, nil
}

// find reads the record of one process, forgotten or not. The error is fs.ErrNotExist if it has none.
func (b *Backend) find(id cluster.ProcessID) (*record, error) {
	if !validName(string(id)) {
		return nil, fs.ErrNotExist
	}
	for _, place := range []string{"clusters", "archive"} {
		paths, err := filepath.Glob(filepath.Join(b.dir, place, "*", "processes", string(id)+".json"))
		if err != nil {
			return nil, err
		}
		if len(paths) > 0 {
			return b.load(paths[0])
		}
	}
	return nil, fs.ErrNotExist
}

// recordOf makes a record from what a process without one carries in its environment.
func (b *Backend) recordOf(id cluster.ProcessID, tagged []sighting) *record {
	ours := map[int]bool{}
	for _, s := range tagged {
		ours[s.pid] = true
	}
	main := tagged[0]
	for _, s := range tagged[1:] {
		if top := !ours[s.ppid]; top && (ours[main.ppid] || s.start < main.start) {
			main = s
		}
	}
	r := &record{ID: id, ClusterID: main.cluster, PID: main.pid, Start: main.start, Boot: b.boot, StartedAt: startedAt(main)}
	r.Role, r.Name = cluster.RoleWorker, string(id)
	if rest, ok := strings.CutPrefix(string(id), string(main.cluster)+"-"); ok {
		if i := strings.LastIndexByte(rest, '-'); i > 0 {
			r.Name = rest[:i]
		}
	}
	if r.Name == "scheduler" {
		r.Role = cluster.RoleScheduler
	}
	return r
}

// process is the record as the outside sees it.
func (b *Backend) process(r *record, now time.Time) backend.Process {
	p := backend.Process{
		ID: r.ID, ClusterID: r.ClusterID, Role: r.Role, Name: r.Name,
		StartedAt: r.StartedAt, EndedAt: r.EndedAt, ExitCode: r.ExitCode,
	}
	if r.PID != 0 {
		p.Handle = fmt.Sprintf("pid %d started %d", r.PID, r.Start)
	}
	if !r.EndedAt.IsZero() {
		p.State = backend.StateEnded
		return p
	}
	var up bool
	if r.Role == cluster.RoleScheduler {
		p.SchedulerAddress, p.DashboardURL = b.addresses(r.ClusterID)
		up = p.SchedulerAddress != ""
	} else {
		up = b.registered(r, now)
	}
	switch {
	case !r.StopAskedAt.IsZero() || !r.MainGoneAt.IsZero():
		p.State = backend.StateEnding
	case up:
		p.State = backend.StateRunning
	default:
		p.State = backend.StateStarting
	}
	return p
}
