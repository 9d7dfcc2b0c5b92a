package bill

import (
	"context"
	"fmt"
	"strings"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// texts finds the source of lines: in the file where the server has it, else what came along with the submission or the origin.
type texts struct {
	rows    Rows
	id      cluster.ID
	files   map[string][]string
	brought map[textKey]string
}

type textKey struct {
	file string
	line int
}

func (s *Service) newTexts(in Input) *texts {
	t := &texts{rows: s.rows, id: in.ClusterID, files: map[string][]string{}, brought: map[textKey]string{}}
	for _, o := range in.Origins {
		if o.Text != "" {
			t.brought[textKey{o.File, o.Line}] = o.Text
		}
	}
	for _, sub := range in.Submissions {
		if sub.Text != "" {
			t.brought[textKey{sub.File, sub.Line}] = sub.Text
		}
	}
	return t
}

func (t *texts) of(ctx context.Context, l usage.Line) (string, error) {
	lines, ok := t.files[l.File]
	if !ok {
		source, err := t.rows.SourceByFile(ctx, t.id, l.File)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return "", fmt.Errorf("read source: %w", err)
		}
		lines = strings.Split(source.Text, "\n")
		t.files[l.File] = lines
	}
	if l.Line >= 1 && l.Line <= len(lines) {
		if text := strings.TrimSpace(lines[l.Line-1]); text != "" {
			return text, nil
		}
	}
	return t.brought[textKey{l.File, l.Line}], nil
}
