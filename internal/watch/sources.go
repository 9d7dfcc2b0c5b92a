package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/dask"
	"github.com/lineitem/lineitem/internal/dask/msgpack"
)

const (
	// maxFiles, maxLines and maxLine bound what is kept of sources: so many files, so many lines of each, up to that number.
	maxFiles, maxLines, maxLine = 200, 2000, 50_000
	// sourceEvery is how often a file is told again that has grown.
	sourceEvery = 30 * time.Second
	// sourceNote stands at the top of a file of which only some lines are known.
	sourceNote = "# Looked at from outside: only lines that were seen running are known."
)

// sources are the lines of user code that were seen on stacks: a worker tells the text of each line along with it.
type sources struct {
	files map[string]*sourceFile
	at    time.Time // when they were told last
}

type sourceFile struct {
	lines map[int]string
	fresh bool
}

// see remembers the lines of user code on a stack. Cells are left to the notebook, which has the whole of them.
func (s *sources) see(frames []dask.Frame) {
	for _, f := range frames {
		if f.Text == "" || f.Line < 1 || f.Line > maxLine || classOf(f.File) != classUser {
			continue
		}
		name := fileName(f.File)
		if strings.HasPrefix(name, "cell:") {
			continue
		}
		file, ok := s.files[name]
		if !ok {
			if len(s.files) >= maxFiles {
				continue
			}
			file = &sourceFile{lines: map[int]string{}}
			if s.files == nil {
				s.files = map[string]*sourceFile{}
			}
			s.files[name] = file
		}
		text := strings.ToValidUTF8(f.Text, "\uFFFD")
		if file.lines[f.Line] == text || strings.ContainsAny(text, "\r\n") {
			continue
		}
		if _, known := file.lines[f.Line]; known || len(file.lines) < maxLines {
			file.lines[f.Line] = text
			file.fresh = true
		}
	}
}

// text is the file as far as it is known, each line in its place.
func (f *sourceFile) text() string {
	var b strings.Builder
	at := 1
	if f.lines[1] == "" {
		b.WriteString(sourceNote)
	}
	for _, n := range slices.Sorted(maps.Keys(f.lines)) {
		for ; at < n; at++ {
			b.WriteByte('\n')
		}
		b.WriteString(f.lines[n])
	}
	b.WriteByte('\n')
	return b.String()
}

// maxSource bounds a text, as the server does.
const maxSource = 256 << 10

// sourceBatches tells of the files that have grown, now and then, and at the end.
func (o *Observer) sourceBatches(final bool) [][]byte {
	if !o.sourceText || (!final && o.at.Sub(o.sources.at) < sourceEvery) {
		return nil
	}
	o.sources.at = o.at
	var out [][]byte
	for _, name := range slices.Sorted(maps.Keys(o.sources.files)) {
		f := o.sources.files[name]
		if !f.fresh {
			continue
		}
		f.fresh = false
		text := f.text()
		if len(text) > maxSource {
			continue
		}
		sum := sha256.Sum256([]byte(text))
		out = append(out, msgpack.Append(nil, msgpack.Map{
			{Key: "v", Value: 1},
			{Key: "kind", Value: "source"},
			{Key: "process", Value: o.cfg.Process},
			{Key: "epoch", Value: o.epoch},
			{Key: "seq", Value: o.seq},
			{Key: "file", Value: name},
			{Key: "sha256", Value: hex.EncodeToString(sum[:])},
			{Key: "text", Value: text},
		}))
		o.seq++
	}
	return out
}

// SourceText says whether the server wants the text of user code; until it does, none is told.
func (o *Observer) SourceText(wanted bool) { o.sourceText = wanted }
