// Package examples holds the example scripts inside the binary, so that `lineitem demo` works wherever there is a Python with the
// packages that they import.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed *.py
var files embed.FS

// WriteTo writes the scripts into a folder, which it makes if it is not there. Files of the same names are replaced.
func WriteTo(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the folder of the examples: %w", err)
	}
	names, err := fs.Glob(files, "*.py")
	if err != nil {
		return fmt.Errorf("list the examples: %w", err)
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read example %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return fmt.Errorf("write example %s: %w", name, err)
		}
	}
	return nil
}
