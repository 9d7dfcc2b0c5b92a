package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// pythonTimeout bounds the question to an interpreter which packages it has.
const pythonTimeout = 20 * time.Second

// findPython returns the absolute path of an interpreter that has the packages. An interpreter that was asked for is the only candidate;
// else: the active virtual environment, LINEITEM_PYTHON, the first on PATH, .venv here
// or beside this binary's folder.
func findPython(ctx context.Context, p Process, wanted string, packages []string) (string, error) {
	if wanted != "" {
		path, err := lookPath(p, wanted)
		if err != nil {
			return "", fmt.Errorf("there is no interpreter %q: %w", wanted, err)
		}
		missing, err := missingPackages(ctx, p, path, packages)
		if err != nil {
			return "", err
		}
		if len(missing) > 0 {
			return "", fmt.Errorf("%s lacks %s, so nothing was started; install it there, or name another interpreter with --python",
				path, strings.Join(missing, ", "))
		}
		return path, nil
	}
	var tried []string
	for _, candidate := range pythonCandidates(p) {
		path, err := lookPath(p, candidate)
		if err != nil {
			continue
		}
		missing, err := missingPackages(ctx, p, path, packages)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case err != nil:
			tried = append(tried, err.Error())
		case len(missing) > 0:
			tried = append(tried, fmt.Sprintf("%s lacks %s", path, strings.Join(missing, ", ")))
		default:
			return path, nil
		}
	}
	if len(tried) == 0 {
		tried = []string{"there is no python3 on PATH"}
	}
	return "", fmt.Errorf("no Python interpreter fits, so nothing was started: %s; activate a virtual environment, or name an interpreter with --python",
		strings.Join(tried, "; "))
}

func pythonCandidates(p Process) []string {
	var candidates []string
	if folder := p.getenv("VIRTUAL_ENV"); folder != "" {
		candidates = append(candidates, filepath.Join(folder, "bin", "python"))
	}
	if path := p.getenv("LINEITEM_PYTHON"); path != "" {
		candidates = append(candidates, path)
	}
	candidates = append(candidates, "python3", "python", filepath.Join(".venv", "bin", "python"))
	if p.Executable != "" {
		candidates = append(candidates, filepath.Join(filepath.Dir(p.Executable), "..", ".venv", "bin", "python"))
	}
	return candidates
}

// lookPath finds a program as a shell would. Links are not followed: a virtual environment's python is one.
func lookPath(p Process, name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		path, err := filepath.Abs(name)
		if err != nil {
			return "", err
		}
		return exec.LookPath(path)
	}
	for _, folder := range filepath.SplitList(p.getenv("PATH")) {
		if !filepath.IsAbs(folder) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not on PATH", name)
}

// missingPackages asks an interpreter which of the packages it lacks, without importing them.
func missingPackages(ctx context.Context, p Process, python string, packages []string) ([]string, error) {
	const question = "import sys; from importlib.util import find_spec\n" +
		"print(*[name for name in sys.argv[1:] if find_spec(name) is None])"
	ctx, cancel := context.WithTimeout(ctx, pythonTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, append([]string{"-c", question}, packages...)...) // the user's interpreter
	cmd.Env = p.Environ
	cmd.Dir = os.TempDir() // a file in the user's folder does not count as an installed package
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s does not work as a Python interpreter: %w", python, err)
	}
	return strings.Fields(string(out)), nil
}
