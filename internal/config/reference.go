package config

import (
	"fmt"
	"strings"
)

// Reference returns the reference page of all settings, in Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration of a server

Every setting of ` + "`lineitem server`" + ` is a flag and an environment variable. A flag goes before its variable, a variable before the default;
an empty variable counts as not set. All that is wrong is reported at once, and nothing is started then.

This page is made from the table in ` + "`internal/config/options.go`" + ` by ` + "`go run ./internal/config/configgen -o docs/reference/configuration.md`" + `.

| flag | variable | default | meaning |
|---|---|---|---|
`)
	for _, o := range options() {
		def := "none"
		if o.Default != "" {
			def = "`" + o.Default + "`"
		}
		if o.defaultFunc != nil {
			def = o.Default
		}
		usage := strings.ToUpper(o.Usage[:1]) + o.Usage[1:]
		if o.Secret {
			usage += "; secret, so better given as variable"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s |\n", o.Name, o.Env(), def, usage)
	}
	b.WriteString(`
Amounts are decimal numbers with at most nine decimals, sizes carry a unit (` + "`1GB`, `512MiB`" + `). Prices are what you configure: Lineitem does not know
what your machine costs you.

## What the server prints

Standard output gets three lines, whose form is stable, and nothing else; the log goes to standard error:

` + "```" + `
Lineitem listens on <url>
Sign in once: <link>
Sign in from a terminal once: lineitem login '<link>'
` + "```" + `

Every start makes new links. Each works once, for a day. ` + "`lineitem server sign-in-link`" + ` makes another.

## The data folder

It holds the database (` + "`lineitem.db`" + `, unless ` + "`--database-url`" + ` is given), the processes of clusters and their logs (` + "`local/`" + `), and
` + "`server.lock`" + `, which keeps a second server off. It is readable for its owner only, since it holds the keys of running clusters.
`)
	return b.String()
}
