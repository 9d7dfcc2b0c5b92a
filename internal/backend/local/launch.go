package local

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lineitem/lineitem/internal/backend"
	"github.com/lineitem/lineitem/internal/core/cluster"
)

// agentPreload is what a scheduler runs when it is up. It imports softly: an interpreter without the package, or with a
// broken one, costs a line in the log and nothing else. It goes into a file, because Dask logs a text whole, at the start and at the end.
const agentPreload = `import logging

async def _agent(hook, scheduler):
    try:
        from lineitem.agent import preload
        answer = getattr(preload, hook, lambda _: None)(scheduler)
        if hasattr(answer, "__await__"):
            await answer
    except (Exception, SystemExit) as error:
        logging.getLogger("distributed.lineitem").warning("No telemetry from here: %s: %r", hook, error)

async def dask_setup(scheduler):
    await _agent("dask_setup", scheduler)

async def dask_teardown(scheduler):
    await _agent("dask_teardown", scheduler)
`

// deathTimeout is how long a worker waits for its scheduler before it gives up, so that none waits for ever if the
// scheduler never comes and nobody is left to stop it.
const deathTimeout = "300"

// inherited are the variables of the server's environment that processes get, besides those in inheritedPrefixes: what
// programs need to find their files, speak the user's language and reach the network. Everything else stays with
// the server, since it may hold its secrets (LINEITEM_*, database passwords, cloud keys) or settings meant for it (DASK_*). What a cluster
// needs beyond this is named in its options.
var inherited = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV",
	"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
}

var inheritedPrefixes = []string{"LC_", "PYTHON", "XDG_", "CUDA_", "NVIDIA_"}

// files are the paths that one process is told.
type files struct {
	ca, cert, key, token string
	scheduler            string
	preload              string
	work, scratch        string
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}$`)

// validName reports whether an id can be part of a path (and of a glob) as it is.
func validName(s string) bool { return namePattern.MatchString(s) && !strings.Contains(s, "..") }

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format+" Nothing was started.", append([]any{backend.ErrInvalid}, args...)...)
}

// check refuses what can never work.
func check(l backend.Launch) error {
	switch {
	case !validName(string(l.ID)):
		return invalid("%q cannot be a process id: use letters, digits, dots, dashes and underscores.", l.ID)
	case !validName(string(l.ClusterID)):
		return invalid("%q cannot be a cluster id: use letters, digits, dots, dashes and underscores.", l.ClusterID)
	case l.Role != cluster.RoleScheduler && l.Role != cluster.RoleWorker:
		return invalid("Role %q is neither scheduler nor worker.", l.Role)
	case !validName(l.Name):
		return invalid("%q cannot be a name in Dask: use letters, digits, dots, dashes and underscores.", l.Name)
	case l.Role == cluster.RoleWorker && l.Threads < 1:
		return invalid("A worker needs at least one thread, not %d.", l.Threads)
	case l.Role == cluster.RoleWorker && l.MemoryBytes < 1:
		return invalid("A worker needs a memory limit above zero, not %d bytes.", l.MemoryBytes)
	case len(l.Credentials.CA) == 0 || len(l.Credentials.Certificate) == 0 || len(l.Credentials.Key) == 0:
		return invalid("The TLS credentials are incomplete.")
	}
	for key, value := range l.Env {
		if key == "" || strings.ContainsAny(key, "=\x00") || strings.Contains(value, "\x00") {
			return invalid("%q cannot be set in an environment.", key)
		}
	}
	if dir, ok := l.Env["PWD"]; ok {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() || !filepath.IsAbs(dir) {
			return invalid("The working folder %q (PWD in the environment) is not a folder of this machine.", dir)
		}
	}
	return nil
}

// interpreter finds the Python to use.
func (b *Backend) interpreter(l backend.Launch) (string, error) {
	python, whose := l.Python, "the cluster's options name"
	if python == "" {
		python, whose = b.python, "the server uses for clusters that name none"
	}
	if strings.ContainsRune(python, filepath.Separator) && !filepath.IsAbs(python) {
		return "", invalid("The Python interpreter %q that %s is a relative path: give the whole path, or a name that PATH finds.", python, whose)
	}
	path, err := exec.LookPath(python)
	if err != nil {
		return "", invalid("The Python interpreter %q that %s cannot be run on this machine (%w).", python, whose, err)
	}
	return path, nil
}

// prepare makes the folders and files that the process finds.
func (b *Backend) prepare(l backend.Launch, r *record) (files, error) {
	base := b.clusterDir(l.ClusterID)
	credentials := filepath.Join(base, "credentials", string(l.ID))
	f := files{
		ca:        filepath.Join(credentials, "ca.pem"),
		cert:      filepath.Join(credentials, "cert.pem"),
		key:       filepath.Join(credentials, "key.pem"),
		scheduler: b.schedulerFile(l.ClusterID),
		scratch:   filepath.Join(base, "scratch", string(l.ID)),
	}
	f.work = filepath.Join(f.scratch, "work")
	// Dask puts its folder on the import path, so it stands alone there.
	f.preload = filepath.Join(f.scratch, "preload", "lineitem_preload.py")
	if dir := l.Env["PWD"]; dir != "" {
		f.work = dir
	}
	for _, d := range []string{
		credentials, filepath.Dir(f.scheduler), filepath.Join(f.scratch, "work"), filepath.Dir(f.preload), filepath.Dir(b.recordPath(r)), filepath.Dir(b.logPath(r)),
	} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return files{}, err
		}
	}
	secrets := map[string][]byte{f.ca: l.Credentials.CA, f.cert: l.Credentials.Certificate, f.key: l.Credentials.Key}
	if l.Role == cluster.RoleScheduler {
		// Workers must not read where a former scheduler listened.
		if err := os.RemoveAll(f.scheduler); err != nil {
			return files{}, err
		}
		if err := os.WriteFile(f.preload, []byte(agentPreload), 0o600); err != nil {
			return files{}, err
		}
		if l.AgentToken != "" {
			f.token = filepath.Join(credentials, "agent-token")
			secrets[f.token] = []byte(l.AgentToken)
		}
	}
	for path, text := range secrets {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return files{}, err
		}
	}
	return f, nil
}

// arguments are the interpreter's.
func arguments(l backend.Launch, f files) []string {
	args := []string{
		"-m", "dask", string(l.Role), "--host", "127.0.0.1", "--scheduler-file", f.scheduler,
		"--tls-ca-file", f.ca, "--tls-cert", f.cert, "--tls-key", f.key,
		// A worker's HTTP server cannot be switched off, only kept off the network.
		"--dashboard-address", "127.0.0.1:0",
	}
	if l.Role == cluster.RoleScheduler {
		return append(args, "--port", "0", "--protocol", "tls", "--preload", f.preload)
	}
	return append(args,
		"--no-dashboard", "--name", l.Name, "--nthreads", strconv.Itoa(l.Threads),
		"--memory-limit", strconv.FormatInt(l.MemoryBytes, 10), "--local-directory", f.scratch, "--death-timeout", deathTimeout,
	)
}

// environment is what the process sees, in the order in which later ones win: what it may inherit from the server, what makes Python
// behave under a supervisor, what the launch asks for, and what says whose process it is.
func (b *Backend) environment(l backend.Launch, f files, server []string) []string {
	env := map[string]string{}
	for _, entry := range server {
		key, value, _ := strings.Cut(entry, "=")
		hasPrefix := slices.ContainsFunc(inheritedPrefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		if hasPrefix || slices.Contains(inherited, key) {
			env[key] = value
		}
	}
	if l.Python != "" {
		// They belong to the server's interpreter; another one would not find its own library.
		delete(env, "PYTHONHOME")
		delete(env, "VIRTUAL_ENV")
	}
	env["PYTHONUNBUFFERED"] = "1"
	// Where it is installed, setproctitle would overwrite the environment that the tag is read from.
	env["SPT_NOENV"] = "1"
	maps.Copy(env, l.Env)
	env["PWD"] = f.work
	delete(env, "LINEITEM_INSTALLATION") // the gate sets it
	env["LINEITEM_CLUSTER"] = string(l.ClusterID)
	env["LINEITEM_PROCESS"] = string(l.ID)
	delete(env, "LINEITEM_AGENT_TOKEN_FILE")
	if f.token != "" {
		env["LINEITEM_AGENT_TOKEN_FILE"] = f.token
	}
	out := make([]string, 0, len(env))
	for key, value := range env {
		out = append(out, key+"="+value)
	}
	slices.Sort(out)
	return out
}
