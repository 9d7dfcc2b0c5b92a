// Command configgen writes the reference page of the server's settings.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/lineitem/lineitem/internal/config"
)

func main() {
	out := flag.String("o", "", "file to write; standard output if empty")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out string) error {
	if out == "" {
		_, err := os.Stdout.WriteString(config.Reference())
		return err
	}
	return os.WriteFile(out, []byte(config.Reference()), 0o644) //nolint:gosec // a public file of the source tree
}
