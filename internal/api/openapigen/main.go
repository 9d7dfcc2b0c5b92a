// Command openapigen writes the contract of the REST API, which follows from the declarations in internal/api.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/lineitem/lineitem/internal/api"
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
	contract, err := api.OpenAPI()
	if err != nil {
		return fmt.Errorf("emit contract: %w", err)
	}
	if out == "" {
		_, err = os.Stdout.Write(contract)
		return err
	}
	return os.WriteFile(out, contract, 0o644) //nolint:gosec // a public file of the source tree
}
