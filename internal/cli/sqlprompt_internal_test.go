package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/servertest"
)

// At the prompt a statement may have several lines, a wrong one is no reason to leave, and words with a dot help.
func TestPrompt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	var out, told bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	cmd.SetOut(&out)
	session := sqlSession{cmd: cmd, client: s.User, output: &output{format: "csv"}}
	err := session.prompt(strings.NewReader("\nselect\n1 as one;\nselec;\n.help\n.wrong\n.tables\nselect 2 as two; -- not yet\n;\n.quit\nselect 3 as three;\n"), &told)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "one\n1\n") || !strings.HasSuffix(got, "two\n2\n") || !strings.Contains(got, "lines,cost_nanos") || strings.Contains(got, "three") {
		t.Errorf("the prompt answers\n%s", got)
	}
	for _, want := range []string{"sql> ...> ", "syntax error", "A statement ends with a semicolon", "There is no .wrong;"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("the prompt does not say %q:\n%s", want, told.String())
		}
	}
}
