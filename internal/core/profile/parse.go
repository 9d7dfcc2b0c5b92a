package profile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Bounds of a file of rules.
const (
	maxRulesBytes = 1 << 20
	maxLineBytes  = 4 << 10
)

var (
	operationWord = regexp.MustCompile(`^[a-z][a-z0-9_]*(?:\.(?:[a-z0-9_]+|\{module\}))?$`)
	fileWord      = regexp.MustCompile(`^(?:std:)?[A-Za-z0-9_.*][A-Za-z0-9_.*/-]*$`)
	functionWord  = regexp.MustCompile(`^[A-Za-z0-9_.*<>,]+$`)
	prefixWord    = regexp.MustCompile(`^[A-Za-z0-9_.*,-]+$`)
	libraryWord   = regexp.MustCompile(`^(?:[A-Za-z0-9_]+|\{module\})$`)
	moduleName    = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
)

var levelWords = map[string]level{"whole": levelWhole, "first": levelFirst, "then": levelThen, "broad": levelBroad, "prefix": levelPrefix}

// Parse reads rules. An error names the line.
func Parse(text string) (*Rules, error) {
	if len(text) > maxRulesBytes {
		return nil, fmt.Errorf("the rules have %d bytes; at most %d are allowed", len(text), maxRulesBytes)
	}
	p := parser{rules: &Rules{
		own: map[string]bool{}, tops: map[string]bool{}, byTop: map[string][]*rule{},
		sites: map[Frame]*Site{}, places: map[Frame]*place{}, prefixes: map[string]*rule{},
	}, level: -1}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if err := p.line(line, number); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if p.rules.version == 0 {
		return nil, errors.New(`the rules have no version; begin with "version 1"`)
	}
	return p.rules, nil
}

type parser struct {
	rules *Rules
	level int // -1 before the first
}

func (p *parser) line(line string, number int) error {
	if len(line) > maxLineBytes {
		return fmt.Errorf("it has %d bytes; at most %d are allowed", len(line), maxLineBytes)
	}
	words, _, _ := strings.Cut(line, "#")
	fields := strings.Fields(words)
	if len(fields) == 0 {
		return nil
	}
	switch fields[0] {
	case "version":
		return p.version(fields[1:])
	case "own":
		return p.own(fields[1:])
	case "level":
		return p.setLevel(fields[1:])
	default:
		return p.rule(fields, number)
	}
}

func (p *parser) version(words []string) error {
	if p.rules.version != 0 {
		return errors.New("the version is given twice")
	}
	if len(words) == 1 {
		if n, err := strconv.Atoi(words[0]); err == nil && n > 0 {
			p.rules.version = n
			return nil
		}
	}
	return errors.New(`a version is one whole number from 1, as in "version 1"`)
}

func (p *parser) own(words []string) error {
	if p.level >= 0 {
		return errors.New("own stands before the first level")
	}
	for _, word := range words {
		if !moduleName.MatchString(word) {
			return fmt.Errorf("%q is not the name of a module", word)
		}
		p.rules.own[word] = true
	}
	return nil
}

func (p *parser) setLevel(words []string) error {
	if len(words) == 1 {
		if l, ok := levelWords[words[0]]; ok {
			p.level = int(l)
			return nil
		}
	}
	return errors.New("a level is whole, first, then, broad or prefix")
}

// rule reads "operation where [functions] [prefix=globs] [library=name]".
func (p *parser) rule(fields []string, number int) error {
	switch {
	case p.level < 0:
		return errors.New(`a rule stands below a level, as in "level first"`)
	case len(fields) < 2:
		return errors.New("a rule has an operation and what it matches")
	case !operationWord.MatchString(fields[0]):
		return fmt.Errorf(`%q is not an operation; it is a word, or two as in "read.csv" and "train.{module}"`, fields[0])
	}
	r := &rule{level: level(p.level), order: number, operation: fields[0]}
	options := fields[2:]
	if r.level == levelPrefix {
		if !isList(prefixWord, fields[1]) || strings.Contains(r.operation, moduleWord) {
			return errors.New("a rule of level prefix has an operation without {module} and globs of task prefixes, separated by commas")
		}
		r.prefixes = prefixPattern(fields[1])
	} else {
		if !fileWord.MatchString(fields[1]) {
			return fmt.Errorf(`%q is not a path; it begins at the top-level module, as in "pandas/io/parsers/**", or with "std:"`, fields[1])
		}
		r.file = pathPattern(fields[1])
		if len(options) > 0 && !strings.Contains(options[0], "=") {
			if !isList(functionWord, options[0]) || strings.HasSuffix(options[0], ".") || strings.Contains(options[0], ".,") {
				return fmt.Errorf("%q is not a list of functions separated by commas", options[0])
			}
			r.functions = functionPattern(options[0])
			options = options[1:]
		}
	}
	for _, option := range options {
		if err := r.option(option); err != nil {
			return err
		}
	}
	p.add(r, fields[1])
	return nil
}

func (r *rule) option(option string) error {
	name, value, _ := strings.Cut(option, "=")
	switch {
	case name == "prefix" && r.prefixes == nil && isList(prefixWord, value):
		r.prefixes = prefixPattern(value)
	case name == "library" && r.library == "" && libraryWord.MatchString(value) && (r.level != levelPrefix || value != moduleWord):
		r.library = value
	default:
		return fmt.Errorf("%q is not known here; a rule ends with prefix=globs or library=name, each once", option)
	}
	return nil
}

func (p *parser) add(r *rule, where string) {
	if r.level == levelPrefix {
		p.rules.prefix = append(p.rules.prefix, r)
		return
	}
	top := firstComponent(where)
	r.guess = p.rules.own[top]
	if strings.Contains(top, "*") {
		p.rules.anyTop = append(p.rules.anyTop, r)
		return
	}
	p.rules.tops[top] = true
	p.rules.byTop[top] = append(p.rules.byTop[top], r)
}

// isList tells whether text is a list of non-empty words, separated by commas.
func isList(word *regexp.Regexp, text string) bool {
	return word.MatchString(text) && !strings.HasPrefix(text, ",") && !strings.HasSuffix(text, ",") && !strings.Contains(text, ",,")
}
