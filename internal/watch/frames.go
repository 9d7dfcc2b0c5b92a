package watch

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lineitem/lineitem/internal/dask"
)

// frame is a line on a stack, with the class of its file.
type frame struct {
	file, class, function string
	line                  int
}

// Classes of files.
const (
	classUser, classStandard, classPackage = "u", "s", "p"
)

// maxDepth bounds a stack; its innermost frames stay.
const maxDepth = 200

var (
	// The same rules as the agent's (agent/common/_stacks.py).
	ipykernel = regexp.MustCompile(`[\\/]ipykernel_\d+[\\/]([0-9a-fA-F]+)\.py$`)
	ipython   = regexp.MustCompile(`^<ipython-input-\d+-([0-9a-fA-F]+)>$`)
	packages  = regexp.MustCompile(`[\\/](site|dist)-packages[\\/]`)
	standard  = regexp.MustCompile(`[\\/]lib[\\/]python\d\.\d+[\\/]|[\\/]python\d+\.zip[\\/]`)
	generated = regexp.MustCompile(`^__\w+__$`)
	// Dask's own files where it is installed from a folder of sources.
	daskFile   = regexp.MustCompile(`[\\/](distributed|dask)[\\/](worker|_task_spec|threadpoolexecutor|utils|core|optimization)\.py$`)
	runnerFile = regexp.MustCompile(`[\\/]distributed[\\/]worker\.py$`)
)

// runners are the functions of Dask that call the user's work, of all versions.
var runners = map[string]bool{
	"_run_task": true, "_run_task_simple": true, "apply_function": true, "apply_function_simple": true, "_run_actor": true, "apply_function_actor": true,
}

// taskFrames returns what of a stack lies below Dask's task runner. A runner that is not known leaves the stack whole.
func taskFrames(frames []dask.Frame) []frame {
	for i := len(frames) - 1; i >= 0; i-- {
		if runners[frames[i].Function] && runnerFile.MatchString(frames[i].File) {
			frames = frames[i+1:]
			break
		}
	}
	if len(frames) > maxDepth {
		frames = frames[len(frames)-maxDepth:]
	}
	out := make([]frame, len(frames))
	for i, f := range frames {
		out[i] = frame{file: fileName(f.File), class: classOf(f.File), function: cut(f.Function), line: f.Line}
		if f.File == "<string>" && generated.MatchString(f.Function) { // methods of dataclasses: nobody's source line
			out[i].file, out[i].class = "<generated>", classPackage
		}
	}
	return out
}

// fileName gives the cells of notebooks a name without a process id, and bounds all names.
func fileName(name string) string {
	for _, cell := range []*regexp.Regexp{ipykernel, ipython} {
		if m := cell.FindStringSubmatch(name); m != nil {
			return "cell:" + m[1]
		}
	}
	name = strings.ToValidUTF8(name, "\uFFFD")
	if utf8.RuneCountInString(name) <= maxText {
		return name
	}
	runes := []rune(name)
	return "…" + string(runes[len(runes)-maxText+1:])
}

// classOf tells user code from the standard library and packages by the name of the file.
func classOf(name string) string {
	switch {
	case strings.HasPrefix(name, "cell:"), ipykernel.MatchString(name), ipython.MatchString(name), name == "<stdin>", name == "<string>":
		return classUser
	case strings.HasPrefix(name, "<frozen "):
		return classStandard
	case strings.HasPrefix(name, "<"), packages.MatchString(name), daskFile.MatchString(name):
		return classPackage
	case standard.MatchString(name):
		return classStandard
	default:
		return classUser
	}
}

// stackKey is the same for equal stacks only.
func stackKey(frames []frame) string {
	var b strings.Builder
	for _, f := range frames {
		b.WriteString(strconv.Itoa(len(f.file)))
		b.WriteString(f.file)
		b.WriteString(strconv.Itoa(len(f.function)))
		b.WriteString(f.function)
		b.WriteString(strconv.Itoa(f.line))
		b.WriteByte(';')
	}
	return b.String()
}
