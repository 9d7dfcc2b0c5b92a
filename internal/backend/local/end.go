package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

const (
	// leftoverGrace is how long children may outlive their process before they are ended by force.
	leftoverGrace = 2 * time.Second
	// startingGrace is all the patience for a process that has not come up: it holds nothing that could be lost, and a worker
	// that still looks for a scheduler which has gone would hear no polite request for minutes.
	startingGrace = 3 * time.Second
	// pollEnding and pollAdopted are how often the end of processes that are not our children is looked for.
	pollEnding  = 100 * time.Millisecond
	pollAdopted = time.Second
)

// Stop implements backend.Backend. A process that has not come up gets a few seconds at most, whatever the grace. The request and its deadline are in the record before the process hears of them, so a
// server that takes over carries on with both.
func (b *Backend) Stop(ctx context.Context, id cluster.ProcessID, grace time.Duration) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("stop process %s: %w", id, err)
	}
	unlock, err := b.lock()
	if err != nil {
		return fmt.Errorf("stop process %s: %w", id, err)
	}
	defer unlock()
	if err := b.ask(id, grace, time.Now()); err != nil {
		return fmt.Errorf("stop process %s: %w", id, err)
	}
	b.rouse()
	return nil
}

func (b *Backend) ask(id cluster.ProcessID, grace time.Duration, now time.Time) error {
	found, err := b.scan()
	if err != nil {
		return err
	}
	r, err := b.find(id)
	if errors.Is(err, fs.ErrNotExist) {
		if len(found[id]) == 0 {
			return backend.ErrGone
		}
		r, err = b.adopt(id, found[id])
	}
	if err != nil {
		return err
	}
	if r.PID == 0 && r.EndedAt.IsZero() { // an intent that nobody will finish: nothing ran, and nothing will under this id
		r.StartedAt, r.EndedAt = r.IntendedAt, r.IntendedAt
		if err := b.save(r); err != nil {
			return err
		}
	}
	if err := b.settle(r, found[id], now); err != nil {
		return err
	}
	if !r.EndedAt.IsZero() {
		return backend.ErrGone
	}
	if b.process(r, now).State == backend.StateStarting {
		grace = min(grace, startingGrace)
	}
	if r.StopAskedAt.IsZero() {
		r.StopAskedAt = now
	}
	if killAt := now.Add(grace); r.KillAt.IsZero() || killAt.Before(r.KillAt) {
		r.KillAt = killAt
	}
	if err := b.save(r); err != nil {
		return err
	}
	failpoint("stop marked")
	if !r.TermSent {
		// Only the process itself is told: a nanny closes its worker in good order, and a worker that hears
		// the signal first would drop its data.
		signal(b.main(r), syscall.SIGTERM)
		failpoint("stop sent")
		r.TermSent = true
		if err := b.save(r); err != nil {
			return err
		}
	}
	return b.settle(r, found[id], now)
}

// adopt gives a process that was found by its tag a record.
func (b *Backend) adopt(id cluster.ProcessID, tagged []sighting) (*record, error) {
	r := b.recordOf(id, tagged)
	if !validName(string(id)) || !validName(string(r.ClusterID)) {
		return nil, fmt.Errorf("pid %d carries our tag but no usable id; it is left alone", r.PID)
	}
	if err := os.MkdirAll(filepath.Dir(b.recordPath(r)), 0o700); err != nil {
		return nil, err
	}
	b.logger.Warn("adopted a process without a record", slog.String("process_id", string(id)), slog.Int("pid", r.PID))
	return r, b.save(r)
}

// settle brings a record up to date with what is seen of its process, and ends what is overdue. Tagged are the processes
// that carry the record's id.
func (b *Backend) settle(r *record, tagged []sighting, now time.Time) error {
	if !r.EndedAt.IsZero() {
		b.kill(tagged)
		return nil
	}
	if r.PID == 0 {
		return nil
	}
	overdue := !r.KillAt.IsZero() && !now.Before(r.KillAt)
	if main := b.main(r); main != nil {
		b.watched[r.ID] = true
		if overdue {
			b.killAll(*main, tagged)
		}
		return nil
	}
	if b.children[r.ID] {
		return nil // the goroutine that waits for it is about to write down how it ended
	}
	if r.MainGoneAt.IsZero() {
		r.MainGoneAt, r.NoticedAt = b.lastSign(r, now), now
	}
	if left := append(b.straysOf(r.ID), tagged...); len(left) > 0 {
		r.LeftSeen = true
		if overdue || now.Sub(r.NoticedAt) >= leftoverGrace {
			b.kill(left)
		}
		return b.save(r)
	}
	r.EndedAt = r.MainGoneAt
	if r.LeftSeen {
		r.EndedAt = now
	}
	delete(b.watched, r.ID)
	delete(b.up, r.ID)
	delete(b.strays, r.ID)
	return b.save(r)
}

// straysOf returns what is left of a process's session, tag or not.
func (b *Backend) straysOf(id cluster.ProcessID) []sighting {
	var out []sighting
	for _, s := range b.strays[id] {
		if again, ok := look(s.pid); ok && again.start == s.start {
			out = append(out, s)
		}
	}
	return out
}

// lastSign estimates when a process that nobody waited for ended: now if it was being watched; otherwise the last sign of life, which
// is the later of its last output and the last time that any server looked and found it alive.
func (b *Backend) lastSign(r *record, now time.Time) time.Time {
	if b.watched[r.ID] {
		return now
	}
	last := r.StartedAt
	for _, path := range []string{b.logPath(r), filepath.Join(b.dir, "alive")} {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(last) {
			last = info.ModTime().UTC()
		}
	}
	if last.After(now) {
		return now
	}
	return last
}

// main returns the recorded process itself, nil if it is gone or its pid belongs to somebody else by now.
func (b *Backend) main(r *record) *sighting {
	if r.PID == 0 || r.Boot != b.boot {
		return nil
	}
	s, ok := look(r.PID)
	if !ok || s.start != r.Start {
		return nil
	}
	return &s
}

// killAll ends a process and everything in its session by force. While main exists its session id cannot mean anybody else, so main goes last;
// it is frozen first, or a nanny would start its worker anew.
func (b *Backend) killAll(main sighting, tagged []sighting) {
	signal(&main, syscall.SIGSTOP)
	for _, s := range session(main.pid) {
		if s.pid != main.pid && s.start >= main.start {
			signal(&s, syscall.SIGKILL)
		}
	}
	for _, s := range tagged {
		if s.pid != main.pid {
			signal(&s, syscall.SIGKILL)
		}
	}
	signal(&main, syscall.SIGKILL)
}

func (b *Backend) kill(tagged []sighting) {
	for _, s := range tagged {
		b.logger.Warn("ended what outlived its process", slog.String("process_id", string(s.process)), slog.Int("pid", s.pid))
		signal(&s, syscall.SIGKILL)
	}
}

// signal sends a signal to the very process that was seen. The handle is taken before the check, so the pid cannot pass to
// another in between (where the system has such handles; elsewhere the gap is microseconds).
func signal(s *sighting, sig syscall.Signal) {
	if s == nil || s.pid <= 1 || s.pid == os.Getpid() {
		return
	}
	p, err := os.FindProcess(s.pid)
	if err != nil {
		return
	}
	if again, ok := look(s.pid); ok && again.start == s.start {
		_ = p.Signal(sig) // an error means that it is gone
	}
	_ = p.Release()
}

func (b *Backend) rouse() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// attend carries out what time brings: force after grace, the end of leftovers, and the end of processes that are not our children.
func (b *Backend) attend() {
	defer close(b.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-b.wake:
		case <-timer.C:
		}
		next, err := b.tick()
		if err != nil {
			b.logger.Error("look after local processes", slog.Any("error", err))
			next = pollAdopted
		}
		if next > 0 {
			timer.Reset(next)
		} else {
			timer.Stop()
		}
	}
}

// tick settles everything that has not ended and says when to look again, 0 for when roused.
func (b *Backend) tick() (time.Duration, error) {
	unlock, err := b.lock()
	if err != nil {
		return 0, err
	}
	defer unlock()
	records, err := b.records()
	if err != nil {
		return 0, err
	}
	var found map[cluster.ProcessID][]sighting
	now, next := time.Now(), time.Duration(0)
	sooner := func(d time.Duration) {
		if next == 0 || d < next {
			next = max(d, time.Millisecond)
		}
	}
	for _, r := range records {
		if r.PID == 0 || !r.EndedAt.IsZero() {
			continue
		}
		// Most looks need no scan: a process that lives and is not overdue is only looked at.
		overdue := !r.KillAt.IsZero() && !now.Before(r.KillAt)
		if found == nil && (overdue || b.main(r) == nil) {
			if found, err = b.scan(); err != nil {
				return 0, err
			}
		}
		if err := b.settle(r, found[r.ID], now); err != nil {
			return 0, err
		}
		switch {
		case !r.EndedAt.IsZero():
		case !r.MainGoneAt.IsZero() || overdue:
			sooner(pollEnding)
		case b.children[r.ID] && !r.KillAt.IsZero():
			sooner(r.KillAt.Sub(now))
		case b.children[r.ID]:
		case !r.StopAskedAt.IsZero():
			sooner(pollEnding)
		default:
			sooner(pollAdopted)
		}
	}
	return next, nil
}
