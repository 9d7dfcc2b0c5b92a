package local

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// sighting is a process as it was seen at one moment. Zombies are not seen: nothing of them runs.
type sighting struct {
	pid, ppid, session int
	// start is the kernel's start time, in microseconds since 1970.
	start   uint64
	process cluster.ProcessID
	cluster cluster.ID
}

// zombie is the kernel's SZOMB.
const zombie = 5

// bootID is empty: start times are absolute here, so a pid and its start time are unique across boots.
func bootID() (string, error) { return "", nil }

func see(k *unix.KinfoProc) (sighting, bool) {
	if k == nil || k.Proc.P_stat == zombie {
		return sighting{}, false
	}
	start := k.Proc.P_starttime
	return sighting{
		pid: int(k.Proc.P_pid), ppid: int(k.Eproc.Ppid), session: int(k.Eproc.Pgid),
		start: uint64(start.Sec)*1_000_000 + uint64(start.Usec),
	}, true
}

// look finds a process by its pid.
func look(pid int) (sighting, bool) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(k.Proc.P_pid) != pid {
		return sighting{}, false
	}
	return see(k)
}

func startedAt(s sighting) time.Time { return time.UnixMicro(int64(s.start)).UTC() }

// session lists the process group that sid leads: the system does not tell sessions, and a process that we start leads both.
func session(sid int) []sighting {
	all, err := unix.SysctlKinfoProcSlice("kern.proc.pgrp", sid)
	if err != nil {
		return nil
	}
	var out []sighting
	for i := range all {
		if s, ok := see(&all[i]); ok {
			out = append(out, s)
		}
	}
	return out
}

// scan finds nothing: this system does not show the environment of processes. Records are all there is.
func (b *Backend) scan() (map[cluster.ProcessID][]sighting, error) {
	return map[cluster.ProcessID][]sighting{}, nil
}
