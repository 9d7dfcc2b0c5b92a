package console

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed functions.txt
var functionList string

// functions are those that statements may call.
var functions = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(functionList) {
		line, _, _ = strings.Cut(line, "#")
		for _, name := range strings.Fields(line) {
			out[strings.ToLower(name)] = true
		}
	}
	return out
})

// tableFunctions are those that may stand where a table stands: they make rows of their arguments.
var tableFunctions = map[string]bool{"range": true, "generate_series": true, "unnest": true}
