package local

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// sighting is a process as it was seen at one moment. Zombies are not seen: nothing of them runs.
type sighting struct {
	pid, ppid, session int
	// start is the kernel's start time, in ticks since boot.
	start   uint64
	process cluster.ProcessID
	cluster cluster.ID
}

// ticksPerSecond is the unit of start times in /proc, the same on every architecture that Go runs on.
const ticksPerSecond = 100

func bootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text)), err
}

// look finds a process by its pid.
func look(pid int) (sighting, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return sighting{}, false
	}
	return parseStat(pid, text)
}

// parseStat reads /proc/<pid>/stat. The command's name may hold spaces and parentheses, so fields count from its end.
func parseStat(pid int, text []byte) (sighting, bool) {
	i := bytes.LastIndexByte(text, ')')
	if i < 0 {
		return sighting{}, false
	}
	f := strings.Fields(string(text[i+1:]))
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return sighting{}, false
	}
	ppid, err1 := strconv.Atoi(f[1])
	session, err2 := strconv.Atoi(f[3])
	start, err3 := strconv.ParseUint(f[19], 10, 64)
	return sighting{pid: pid, ppid: ppid, session: session, start: start}, errors.Join(err1, err2, err3) == nil
}

func startedAt(s sighting) time.Time {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Now().UTC()
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "btime "); ok {
			if boot, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
				return time.Unix(boot, 0).Add(time.Duration(s.start) * (time.Second / ticksPerSecond)).UTC()
			}
		}
	}
	return time.Now().UTC()
}

func pids() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	out := make([]int, 0, len(names))
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil {
			out = append(out, pid)
		}
	}
	return out, nil
}

// session lists the processes of a session.
func session(sid int) []sighting {
	all, err := pids()
	if err != nil {
		return nil
	}
	var out []sighting
	for _, pid := range all {
		if s, ok := look(pid); ok && s.session == sid {
			out = append(out, s)
		}
	}
	return out
}

// scan finds everything that carries the installation's tag, by process id. It reads the environment that a process was started with,
// which children inherit; other users' processes cannot be read and are not ours.
func (b *Backend) scan() (map[cluster.ProcessID][]sighting, error) {
	all, err := pids()
	if err != nil {
		return nil, err
	}
	want := []byte("LINEITEM_INSTALLATION=" + b.installation)
	out := map[cluster.ProcessID][]sighting{}
	for _, pid := range all {
		if pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ESRCH):
			continue // gone by now, or somebody else's
		case err != nil:
			return nil, err // out of file handles, say: better no list than one with holes
		case !bytes.Contains(env, want):
			continue
		}
		s, ok := look(pid)
		ours := false
		for entry := range bytes.SplitSeq(env, []byte{0}) {
			key, value, _ := strings.Cut(string(entry), "=")
			switch key {
			case "LINEITEM_INSTALLATION":
				ours = value == b.installation
			case "LINEITEM_PROCESS":
				s.process = cluster.ProcessID(value)
			case "LINEITEM_CLUSTER":
				s.cluster = cluster.ID(value)
			}
		}
		if ok && ours && s.process != "" {
			out[s.process] = append(out[s.process], s)
		}
	}
	return out, nil
}
