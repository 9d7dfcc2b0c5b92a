package profile

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// level tells rules apart that match different frames of a stack: a stronger one wins over an inner frame.
type level uint8

const (
	levelWhole  level = iota // work that decides whatever it calls
	levelFirst               // what a thread does, whoever called it
	levelThen                // steps that are part of a larger one, if that is on the stack
	levelBroad               // whole libraries
	levelPrefix              // the name of the task, where frames say nothing
)

// rule names the operation of what it matches.
type rule struct {
	level     level
	order     int // in the file
	operation string
	file      pattern
	functions *pattern
	prefixes  *pattern
	library   string // instead of the innermost package, "" for that
	guess     bool   // of a frame of the machinery: library counts only if there is no innermost package
}

// moduleWord stands for the top-level module of the frame that matched.
const moduleWord = "{module}"

// class fills in what the rule leaves open. The library is that of the innermost package; packaged tells that there is one, and that a rule for
// the machinery need not guess it.
func (r *rule) class(module, library string, packaged bool) Class {
	switch {
	case r.operation == OperationUser:
		library = ""
	case r.library != "" && (!packaged || !r.guess):
		library = strings.ReplaceAll(r.library, moduleWord, module)
	}
	return Class{Operation: strings.ReplaceAll(r.operation, moduleWord, strings.ToLower(module)), Library: library}
}

// strongestFirst sorts the rules of one frame by level and then as the file has them, and cuts what cannot win.
func strongestFirst(rules []*rule) []*rule {
	slices.SortFunc(rules, func(a, b *rule) int { return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.order, b.order)) })
	for i, r := range rules {
		if r.prefixes == nil {
			return rules[: i+1 : i+1]
		}
	}
	return rules
}

// pattern is a list of globs: '*' stands for any part of a component, "**" for any number of components.
type pattern struct {
	re *regexp.Regexp
	// bare matches the bare names of functions, which are all that is known before Python 3.11.
	bare *regexp.Regexp
}

func (p *pattern) match(s string) bool { return p.re.MatchString(s) }

// anonymous are comprehensions and the like: they count as the function that they stand in.
var anonymous = regexp.MustCompile(`(?:\.<locals>\.<\w+>)+$`)

// matchFunction matches a qualified or a bare name. A glob without a dot is compared with the last part of the name, one with a dot with as
// many parts as it has.
func (p *pattern) matchFunction(name string) bool {
	name = anonymous.ReplaceAllString(name, "")
	if !strings.Contains(name, ".") {
		return p.bare.MatchString(name)
	}
	return p.re.MatchString(name)
}

// pathPattern compiles one glob over the components of a path.
func pathPattern(glob string) pattern {
	return pattern{re: regexp.MustCompile("^" + globExpression(glob, '/') + "$")}
}

// prefixPattern compiles globs over normalised task prefixes.
func prefixPattern(globs string) *pattern {
	return &pattern{re: regexp.MustCompile("^(?:" + alternatives(globs, func(g string) string { return globExpression(normalPrefix(g), 0) }) + ")$")}
}

// functionPattern compiles globs over the names of functions.
func functionPattern(globs string) *pattern {
	full := alternatives(globs, func(g string) string { return globExpression(g, '.') })
	bare := alternatives(globs, func(g string) string {
		last := g[strings.LastIndexByte(g, '.')+1:]
		if last != g && strings.Trim(last, "*") == "" {
			return `[^\s\S]` // any method of a class: a bare name does not tell
		}
		return globExpression(last, '.')
	})
	return &pattern{re: regexp.MustCompile(`(?:^|\.)(?:` + full + ")$"), bare: regexp.MustCompile("^(?:" + bare + ")$")}
}

func alternatives(globs string, each func(string) string) string {
	var parts []string
	for glob := range strings.SplitSeq(globs, ",") {
		parts = append(parts, each(glob))
	}
	return strings.Join(parts, "|")
}

// globExpression writes a glob as a regular expression; '*' does not cross the separator, if there is one.
func globExpression(glob string, separator byte) string {
	one := ".*"
	if separator != 0 {
		one = "[^" + regexp.QuoteMeta(string(separator)) + "]*"
	}
	var out strings.Builder
	for glob != "" {
		star := strings.IndexByte(glob, '*')
		if star < 0 {
			out.WriteString(regexp.QuoteMeta(glob))
			break
		}
		out.WriteString(regexp.QuoteMeta(glob[:star]))
		glob = glob[star+1:]
		if strings.HasPrefix(glob, "*") {
			glob = strings.TrimLeft(glob, "*")
			if rest, ok := strings.CutPrefix(glob, "/"); ok && separator == '/' {
				out.WriteString("(?:.*/)?")
				glob = rest
				continue
			}
			out.WriteString(".*")
			continue
		}
		out.WriteString(one)
	}
	return out.String()
}

// normalPrefix writes a task prefix as the rules do: Dask has "read_parquet" and "read-csv", "ToParquetData" and "toparquetdata".
func normalPrefix(prefix string) string {
	return strings.ReplaceAll(strings.ToLower(prefix), "_", "-")
}

// standard begins the paths of the standard library in rules.
const standard = "std:"

var (
	packageFolder  = regexp.MustCompile(`.*/(?:site|dist)-packages/(?:[^/]+\.egg/)?`)
	standardFolder = regexp.MustCompile(`.*/?lib(?:64)?/python\d\.\d+[a-z]?/|.*/python\d+\.zip/|.*/Lib/`)
)

// modulePath shortens the path of a file to where its top-level module begins.
func (r *Rules) modulePath(f Frame) string {
	path := f.File
	if strings.Contains(path, `\`) {
		path = strings.ReplaceAll(path, `\`, "/")
	}
	if f.Class == "s" {
		if at := standardFolder.FindStringIndex(path); at != nil {
			path = path[at[1]:]
		} else {
			path = path[strings.LastIndexByte(path, '/')+1:]
		}
		return standard + path
	}
	if at := packageFolder.FindStringIndex("/" + path); at != nil {
		return path[at[1]-1:]
	}
	return r.fromKnownModule(path)
}

// fromKnownModule shortens the path of a package that is not in site-packages, such as one installed from a working copy: it begins at a
// module that the rules know, else at the folder of the file.
func (r *Rules) fromKnownModule(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts[:len(parts)-1] {
		if (r.tops[part] || r.own[part]) && parts[i+1] != part { // a working copy has the name twice
			return strings.Join(parts[i:], "/")
		}
	}
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}

// firstComponent returns what comes before the first separator.
func firstComponent(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

// topModule returns the top-level module that a path below site-packages belongs to, "" where it is no file.
func topModule(path string) string {
	first := firstComponent(path)
	if strings.HasPrefix(first, "<") {
		return ""
	}
	name, _, _ := strings.Cut(first, ".") // six.py, _cffi_backend.cpython-311-x86_64-linux-gnu.so
	return name
}
