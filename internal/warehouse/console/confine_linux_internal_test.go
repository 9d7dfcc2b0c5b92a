package console

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A process of the tests that is called so becomes a confined shell.
const shellName = "lineitem-confined-shell"

func init() {
	if os.Args[0] == shellName {
		folder, err := os.Getwd()
		if err == nil {
			err = bound(Bounds{MemoryBytes: 64 << 20, SpillBytes: 1 << 20, FileBytes: 1 << 20, Threads: 1})
		}
		if err == nil {
			err = become("/bin/bash", folder, []string{"bash", "-c", os.Args[1]})
		}
		panic(err)
	}
}

// The system alone, whatever program it is, keeps it within its folder, and from the network.
func TestSystemConfines(t *testing.T) {
	t.Parallel()
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		version = 0 // a kernel without Landlock: what is left are the bounds
	}
	outside := t.TempDir()
	canary := filepath.Join(outside, "c.txt")
	if err := os.WriteFile(canary, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shell := func(script string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Args, cmd.Dir, cmd.Env = []string{shellName, script}, t.TempDir(), []string{}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := shell("echo inside > a && read x < a && echo $x"); err != nil || out != "inside\n" {
		t.Fatalf("its own folder: %q, %v", out, err)
	}
	if out, err := shell("while :; do echo 0123456789012345678901234567890123456789; done > a"); err == nil {
		t.Errorf("a file as large as it likes: %q", out)
	}
	if version == 0 {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	scripts := []string{
		"read x < " + canary + " && echo $x", "read x < /etc/passwd && echo $x", "read x < /proc/$PPID/cmdline && echo $x", "read x < /proc/$PPID/environ && echo $x", "read x < /proc/1/cmdline && echo $x",
		"echo x > " + filepath.Join(outside, "made"), "echo x > /tmp/lineitem-made", "echo x > /dev/shm/lineitem-made", "/bin/cat " + canary, "/usr/bin/env", "for f in " + outside + "/*; do [ $f != '" + outside + "/*' ] && echo $f && exit 0; done; exit 1",
	}
	if version >= 4 { // what older kernels have no rules for
		scripts = append(scripts, "exec 3<>/dev/tcp/"+strings.Replace(listener.Addr().String(), ":", "/", 1))
	}
	if version >= 6 {
		scripts = append(scripts, "kill -0 $PPID")
	}
	for _, script := range scripts {
		if out, err := shell(script); err == nil {
			t.Errorf("%s\nis done: %q", script, out)
		} else if strings.Contains(out, "secret") || !strings.Contains(out+"denied", "denied") {
			t.Errorf("%s\ntells %q", script, out)
		}
	}
	if files, err := os.ReadDir(outside); err != nil || len(files) != 1 {
		t.Errorf("outside are %v, %v", files, err)
	}
}
