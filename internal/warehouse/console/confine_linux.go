package console

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bound limits the process that calls it, for good.
func bound(b Bounds) error {
	seconds := uint64(b.Time.Seconds())*uint64(b.Threads) + 10
	for _, l := range []struct {
		what  int
		limit uint64
		name  string
	}{
		{unix.RLIMIT_DATA, uint64(2*b.MemoryBytes + overhead), "memory"},
		// The stack of the first thread is not in that, and some systems leave it without a limit.
		{unix.RLIMIT_STACK, stack, "stack"},
		{unix.RLIMIT_CPU, seconds, "processor time"},
		{unix.RLIMIT_FSIZE, uint64(max(b.SpillBytes, b.FileBytes)), "size of files"},
		{unix.RLIMIT_CORE, 0, "size of core files"},
	} {
		if err := unix.Setrlimit(l.what, &unix.Rlimit{Cur: l.limit, Max: l.limit}); err != nil {
			return fmt.Errorf("limit the %s: %w", l.name, err)
		}
	}
	return nil
}

// stack is what most systems give a program's first thread: enough for statements that nest as deep as DuckDB lets them.
const stack = 8 << 20

// systemFolders are where the loader finds libraries, and what programs look at when they start. DuckDB's allocator must know how the system promises memory
// (overcommit_memory): where it cannot read that, it turns areas that it reserved before into memory, which the kernel does not count against RLIMIT_DATA.
var systemFolders = []string{
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/sys/fs/cgroup", "/sys/devices/system/cpu",
	"/sys/kernel/mm/transparent_hugepage", "/proc/self", "/proc/stat", "/proc/meminfo", "/proc/cpuinfo", "/proc/sys/vm/overcommit_memory", "/dev/null", "/dev/urandom",
}

// become confines the process and makes it the program, with these arguments: it can read the system's libraries and itself, write to its folder, and reach no other
// file and no network. Privileges are given up for good. It returns only if that fails. Landlock does it; without it in the kernel only the first two fences stand.
func become(program, folder string, args []string) error {
	// What confines is a property of the thread, and of what it becomes.
	runtime.LockOSThread()
	if err := confine(program, folder); err != nil {
		return err
	}
	return syscall.Exec(program, args, os.Environ())
}

// closeFile closes what was opened to be named only: there is nothing to lose.
func closeFile(fd int) { _ = unix.Close(fd) }

const (
	readFile   = unix.LANDLOCK_ACCESS_FS_READ_FILE
	readFolder = unix.LANDLOCK_ACCESS_FS_READ_DIR
	execute    = unix.LANDLOCK_ACCESS_FS_EXECUTE
	// everything is all that the first version of Landlock knows; later ones add to it.
	everything = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | readFile | readFolder | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	inFolder = readFile | readFolder | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR
)

// confine confines the calling thread.
func confine(program, folder string) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		if errors.Is(errno, unix.ENOSYS) || errors.Is(errno, unix.EOPNOTSUPP) {
			return nil
		}
		return fmt.Errorf("ask the kernel for Landlock: %w", errno)
	}
	rules := unix.LandlockRulesetAttr{Handled_access_fs: everything}
	written := uint64(inFolder)
	if version >= 2 {
		rules.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		rules.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
		written |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		rules.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	// The kernel refuses fields that it does not know.
	size := unsafe.Offsetof(rules.Handled_access_net)
	if version >= 4 {
		size = unsafe.Offsetof(rules.Scoped)
	}
	if version >= 6 {
		rules.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
		size = unsafe.Offsetof(rules.Quiet_access_fs)
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), size, 0)
	if errno != 0 {
		return fmt.Errorf("make rules of Landlock: %w", errno)
	}
	defer closeFile(int(fd))
	allow := func(path string, access uint64) error {
		info, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			access &= readFile | execute
		}
		at, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer closeFile(at)
		rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(at)}
		if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, fd, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
			return errno
		}
		return nil
	}
	for _, path := range append([]string{program}, systemFolders...) {
		if err := allow(path, readFile|readFolder|execute); err != nil {
			return fmt.Errorf("allow %s: %w", path, err)
		}
	}
	if err := allow(folder, written); err != nil {
		return fmt.Errorf("allow %s: %w", folder, err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("confine: %w", errno)
	}
	return nil
}
