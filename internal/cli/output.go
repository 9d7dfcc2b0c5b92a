package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
)

// outputFormats are the values of --output.
var outputFormats = []string{"table", "json", "csv"}

// output is the format of an answer, and the flag that chooses it.
type output struct {
	format string
	// files are formats beside those of every command; the command itself writes them.
	files []string
}

func (o *output) flag(cmd *cobra.Command) {
	o.format = outputFormats[0]
	help := "how to print: table for people, json or csv for programs"
	if len(o.files) > 0 {
		help += "; " + strings.Join(o.files, " or ") + " for data tools"
	}
	cmd.Flags().VarP(o, "output", "o", help)
}

func (o *output) formats() []string { return slices.Concat(outputFormats, o.files) }

// isFile reports whether one of the command's own formats was chosen.
func (o *output) isFile() bool { return slices.Contains(o.files, o.format) }

// String returns the chosen format.
func (o *output) String() string { return o.format }

// Type names the kind of value in help texts.
func (o *output) Type() string { return strings.Join(o.formats(), "|") }

// Set chooses a format.
func (o *output) Set(value string) error {
	if !slices.Contains(o.formats(), value) {
		return fmt.Errorf("there is no format %q, choose from %s", value, strings.Join(o.formats(), ", "))
	}
	o.format = value
	return nil
}

// answer is what a command has to say, in every format.
type answer struct {
	// json is marshalled as it is.
	json any
	// header and rows are for programs: whole numbers, not rounded money.
	header []string
	rows   [][]string
	// text or table is for people: the text, then the table, then the notes.
	text  string
	table *format.Table
	notes []string
}

func (o *output) write(cmd *cobra.Command, a answer) error {
	if err := o.writeTo(cmd.OutOrStdout(), a); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

func (o *output) writeTo(w io.Writer, a answer) error {
	switch o.format {
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(a.json)
	case "csv":
		writer := csv.NewWriter(w)
		if err := writer.Write(a.header); err != nil {
			return err
		}
		return writer.WriteAll(a.rows)
	default:
		if _, err := io.WriteString(w, a.text); err != nil {
			return err
		}
		if a.table != nil {
			if _, err := a.table.WriteTo(w); err != nil {
				return err
			}
		}
		for _, note := range a.notes {
			if _, err := fmt.Fprintln(w, note); err != nil {
				return err
			}
		}
		return nil
	}
}
