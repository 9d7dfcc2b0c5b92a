package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lineitem/lineitem/sdk"
)

const promptHelp = `A statement ends with a semicolon and may have several lines.
  .tables   the tables and their columns
  .help     this
  .quit     leave; so does the end of input (Ctrl-D)
`

// prompt runs statements as they are written, until the end of input. A statement that fails is no reason to leave.
func (s *sqlSession) prompt(in io.Reader, out io.Writer) error {
	fmt.Fprint(out, "One SELECT at a time, ended by a semicolon. .help says more.\n")
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxStatementBytes)
	var statement strings.Builder
	for {
		mark := "sql> "
		if statement.Len() > 0 {
			mark = "...> "
		}
		fmt.Fprint(out, mark)
		if !lines.Scan() {
			fmt.Fprintln(out)
			return lines.Err()
		}
		line := strings.TrimSpace(lines.Text())
		var err error
		switch {
		case statement.Len() == 0 && line == "":
			continue
		case statement.Len() == 0 && strings.HasPrefix(line, "."):
			if line == ".quit" || line == ".exit" {
				return nil
			}
			err = s.word(line, out)
		default:
			statement.WriteString(lines.Text() + "\n")
			if !strings.HasSuffix(line, ";") {
				continue
			}
			err = s.run(statement.String())
			statement.Reset()
		}
		var unreachable *sdk.UnreachableError
		switch {
		case s.cmd.Context().Err() != nil, errors.As(err, &unreachable):
			return err
		case err != nil:
			fmt.Fprintln(out, sentence(err))
		}
	}
}

func (s *sqlSession) word(line string, out io.Writer) error {
	switch line {
	case ".tables":
		return s.tables()
	case ".help":
		fmt.Fprint(out, promptHelp)
		return nil
	}
	return fmt.Errorf("there is no %s; .help lists what there is", line)
}
