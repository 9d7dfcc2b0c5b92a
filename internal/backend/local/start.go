package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
)

// gate is the shell script that a process begins as. It holds until its pid is on disk and then becomes Dask, under the
// same pid. If the server dies first the read fails, and nothing ever ran; so only what has passed the gate carries the tag, which is the
// first argument.
const gate = `read -r go <&3 || exit 125; exec 3<&-; export LINEITEM_INSTALLATION="$1"; shift; exec "$@"`

// failpoint is called between the steps of a start and a stop; tests end the process there.
var failpoint = func(string) {}

// Start implements backend.Backend. An exit code of 128+n says that signal n ended the process, 126 or 127 that the interpreter could
// not be run.
func (b *Backend) Start(ctx context.Context, l backend.Launch) (backend.Process, error) {
	fail := func(err error) (backend.Process, error) {
		return backend.Process{}, fmt.Errorf("start process %s: %w", l.ID, err)
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	if err := check(l); err != nil {
		return fail(err)
	}
	unlock, err := b.lock()
	if err != nil {
		return fail(err)
	}
	defer unlock()
	now := time.Now()
	r, err := b.find(l.ID)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if r == nil || r.PID == 0 {
		// Before it launches anything, Start makes sure that nothing runs under the id whose record was lost.
		found, err := b.scan()
		if err != nil {
			return fail(err)
		}
		if tagged := found[l.ID]; len(tagged) > 0 && (r == nil || r.EndedAt.IsZero()) {
			if r, err = b.adopt(l.ID, tagged); err != nil {
				return fail(err)
			}
		}
	}
	if r != nil && (r.PID != 0 || !r.EndedAt.IsZero()) {
		if r.EndedAt.IsZero() {
			found, err := b.scan()
			if err != nil {
				return fail(err)
			}
			if err := b.settle(r, found[l.ID], now); err != nil {
				return fail(err)
			}
		}
		return b.process(r, now), nil
	}
	python, err := b.interpreter(l)
	if err != nil {
		return fail(err)
	}
	if r, err = b.launch(l, python, now); err != nil {
		return fail(err)
	}
	return b.process(r, now), nil
}

// launch creates the process in steps, each of which leaves the folder telling the truth.
func (b *Backend) launch(l backend.Launch, python string, now time.Time) (*record, error) {
	r := &record{ID: l.ID, ClusterID: l.ClusterID, Role: l.Role, Name: l.Name, IntendedAt: now.UTC(), Boot: b.boot}
	files, err := b.prepare(l, r)
	if err != nil {
		return nil, err
	}
	if err := b.save(r); err != nil {
		return nil, err
	}
	failpoint("intent written")
	cmd, open, err := b.create(l, r, python, files)
	if err != nil {
		return nil, errors.Join(err, os.Remove(b.recordPath(r)))
	}
	failpoint("forked")
	r.PID = cmd.Process.Pid
	r.StartedAt = time.Now().UTC()
	s, ok := look(r.PID)
	r.Start = s.start
	if ok {
		err = b.save(r)
	} else {
		err = errors.New("it was gone before it began")
	}
	if err != nil {
		_ = open.Close() // the gate breaks
		_ = cmd.Wait()
		return nil, errors.Join(err, os.Remove(b.recordPath(r)))
	}
	failpoint("recorded")
	b.children[r.ID], b.watched[r.ID] = true, true
	// If this fails the gate is gone, and with it the process: the wait below tells.
	_, _ = open.WriteString("go\n")
	_ = open.Close()
	failpoint("released")
	go b.wait(cmd, *r)
	b.logger.Info("process started", slog.String("process_id", string(r.ID)), slog.Int("pid", r.PID))
	return r, nil
}

// create forks the gate; writing to open lets it through.
func (b *Backend) create(l backend.Launch, r *record, python string, files files) (cmd *exec.Cmd, open *os.File, err error) {
	log, err := os.OpenFile(b.logPath(r), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = log.Close() }()
	hold, open, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = hold.Close() }()
	// The process must outlive the request that asked for it, hence no context.
	cmd = exec.Command("/bin/sh", append([]string{"-c", gate, "lineitem", b.installation, python}, arguments(l, files)...)...) //nolint:gosec,noctx // see above
	cmd.Dir = files.work
	cmd.Env = b.environment(l, files, os.Environ())
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{hold}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = open.Close()
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) {
			return nil, nil, fmt.Errorf("%w: this machine cannot run another process now: %w", backend.ErrCapacity, err)
		}
		return nil, nil, err
	}
	return cmd, open, nil
}

// wait writes down how a child ended.
func (b *Backend) wait(cmd *exec.Cmd, launched record) {
	id := launched.ID
	_ = cmd.Wait() // the state says it all
	now := time.Now().UTC()
	unlock, err := b.lock()
	if errors.Is(err, errClosed) {
		return // whoever opens the folder next will see that it has gone
	}
	if err != nil {
		b.logger.Error("record the end of a process", slog.String("process_id", string(id)), slog.Any("error", err))
		return
	}
	defer unlock()
	defer b.rouse()
	delete(b.children, id)
	r, err := b.find(id)
	if err != nil {
		r = &launched // what is not on disk any more is still known here
	}
	code := exitCode(cmd.ProcessState)
	r.ExitCode = &code
	if r.MainGoneAt.IsZero() {
		r.MainGoneAt, r.NoticedAt = now, now
	}
	if r.EndedAt.IsZero() {
		// The session's number cannot have passed to others yet, so children without the tag are found as well.
		for _, s := range session(r.PID) {
			if s.pid != r.PID && s.start >= r.Start {
				s.process = r.ID
				b.strays[id] = append(b.strays[id], s)
			}
		}
	}
	if _, err := os.Stat(filepath.Dir(b.recordPath(r))); err == nil {
		err = b.save(r)
		if err != nil {
			b.logger.Error("record the end of a process", slog.String("process_id", string(id)), slog.Any("error", err))
		}
	}
	b.logger.Info("process ended", slog.String("process_id", string(id)), slog.Int("exit_code", code))
}

func exitCode(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}
