package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lineitem/lineitem/internal/core/errs"
)

// Bounds of what may be asked for. Limits per user and group come on top of them; these keep nonsense out.
const (
	maxWorkers     = 1000
	maxThreads     = 256
	minMemoryBytes = 64 << 20
	maxNameLength  = 100
	maxEnvBytes    = 64 << 10
)

// ownVariables are set by Lineitem in every process (docs/telemetry.md).
var ownVariables = []string{"LINEITEM_SERVER", "LINEITEM_CLUSTER", "LINEITEM_PROCESS", "LINEITEM_INSTALLATION", "LINEITEM_AGENT_TOKEN_FILE"}

func (s *Service) withDefaults(in CreateInput) CreateInput {
	if in.Backend == "" && len(s.cfg.Backends) > 0 {
		in.Backend = s.cfg.Backends[0]
	}
	if in.Options.Threads == 0 {
		in.Options.Threads = 1
	}
	if in.Options.MemoryBytes == 0 {
		in.Options.MemoryBytes = s.cfg.DefaultMemory
	}
	return in
}

func (in CreateInput) validate(backends []string) error {
	var wrong []errs.Field
	add := func(name, format string, args ...any) {
		wrong = append(wrong, errs.Field{Name: name, Message: fmt.Sprintf(format, args...)})
	}
	if len(in.Name) > maxNameLength {
		add("name", "The name has %d characters; at most %d are allowed.", len(in.Name), maxNameLength)
	}
	if i := strings.IndexFunc(in.Name, notInName); i >= 0 {
		add("name", "The name may hold letters, digits, '-', '_' and '.'; %q is none of them.", []rune(in.Name[i:])[0])
	}
	if strings.HasPrefix(in.Name, "cl_") {
		add("name", "A name may not begin with cl_, which begins ids.")
	}
	if !slices.Contains(backends, in.Backend) {
		add("backend", "There is no backend %q; there are: %s.", in.Backend, strings.Join(backends, ", "))
	}
	if f := validateWorkers("options.n_workers", in.Options.Workers); f != nil {
		wrong = append(wrong, *f)
	}
	if t := in.Options.Threads; t < 1 || t > maxThreads {
		add("options.nthreads", "A worker has 1 to %d threads, not %d.", maxThreads, t)
	}
	if m := in.Options.MemoryBytes; m < minMemoryBytes {
		add("options.memory_bytes", "A worker needs at least %d bytes (64 MiB) of memory, not %d.", minMemoryBytes, m)
	}
	if strings.ContainsRune(in.Options.Python, 0) {
		add("options.python", "The path of the interpreter holds a NUL byte.")
	}
	size := 0
	for name, value := range in.Options.Env {
		size += len(name) + len(value)
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			add("options.env", "%q is not a name of an environment variable.", name)
		case strings.ContainsRune(value, 0):
			add("options.env", "The value of %s holds a NUL byte.", name)
		case slices.Contains(ownVariables, name):
			add("options.env", "%s is set by Lineitem itself and cannot be chosen.", name)
		}
	}
	if size > maxEnvBytes {
		add("options.env", "The environment has %d bytes; at most %d are allowed.", size, maxEnvBytes)
	}
	return errs.InvalidFields(wrong...)
}

func validateWorkers(field string, n int) *errs.Field {
	if n < 0 || n > maxWorkers {
		return &errs.Field{Name: field, Message: fmt.Sprintf("A cluster has 0 to %d workers, not %d; nothing was changed.", maxWorkers, n)}
	}
	return nil
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
}
