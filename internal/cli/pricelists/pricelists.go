// Package pricelists holds the price lists that the binary carries. tools/awsprices makes them.
package pricelists

import (
	"embed"
	"path"
	"slices"
	"strings"
)

//go:embed *.csv
var files embed.FS

// Names returns the names of the lists.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the folder is in the binary
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), path.Ext(e.Name()))
	}
	slices.Sort(names)
	return names
}

// List returns a list by its name.
func List(name string) (list []byte, ok bool) {
	if !slices.Contains(Names(), name) {
		return nil, false
	}
	list, err := files.ReadFile(name + ".csv")
	return list, err == nil
}
