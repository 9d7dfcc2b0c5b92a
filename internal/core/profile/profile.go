// Package profile says what kind of work a thread did: from its stack, and from the name of its task where the stack says nothing. The
// rules are data (rules.txt), tested by recorded stacks (cases.txt); docs/operations.md tells how to add one.
package profile

import (
	_ "embed"
	"sync"
)

// Frame is one frame of a stack, as an agent sends it.
type Frame struct {
	// File is the path of the code, Class 'u' for user code, 's' for the standard library, 'p' for an installed package.
	File, Class string
	// Function is the qualified name of the function, or its bare name before Python 3.11.
	Function string
}

// Class is what kind of work a stack is.
type Class struct {
	// Operation is a word of docs/operations.md, such as "read.csv".
	Operation string
	// Library is the top-level module that does it, empty for the user's own code.
	Library string
}

// Operations that no rule names.
const (
	OperationUser    = "user"
	OperationUnknown = "unknown"
)

//go:embed rules.txt
var rulesText string

// Default returns the rules of this build.
var Default = sync.OnceValue(func() *Rules {
	rules, err := Parse(rulesText)
	if err != nil {
		panic("profile: the embedded rules: " + err.Error()) // a test parses them
	}
	return rules
})

// Rules classify stacks. They are safe for concurrent use.
type Rules struct {
	version int
	own     map[string]bool // modules of the machinery that runs tasks
	tops    map[string]bool // first components of the patterns
	byTop   map[string][]*rule
	anyTop  []*rule
	prefix  []*rule

	mu       sync.RWMutex
	sites    map[Frame]*Site
	places   map[Frame]*place // by file and class
	prefixes map[string]*rule // nil where no rule names it
}

// maxCached bounds the frames, files and prefixes that are remembered, each. A server sees some ten thousand.
const maxCached = 1 << 16

// Version counts the changes of the rules. What was classified by an older one can be classified again.
func (r *Rules) Version() int { return r.version }

// Classify says what kind of work a stack is, outermost frame first, in a task of the prefix.
func (r *Rules) Classify(stack []Frame, prefix string) Class {
	sites := make([]*Site, len(stack))
	for i, f := range stack {
		sites[i] = r.Site(f)
	}
	return r.ClassifySites(sites, prefix)
}

// Site is what the rules know of a frame, wherever it stands on a stack.
type Site struct {
	owner  owner
	module string  // top-level module
	rules  []*rule // that match it, strongest first, up to the first that depends on nothing else
}

// Module is the top-level module of a package that the frame belongs to, empty for user code and the standard library.
func (s *Site) Module() string {
	if s.owner == ownerPackage || s.owner == ownerMachinery {
		return s.module
	}
	return ""
}

// owner tells whose code a frame is.
type owner uint8

const (
	ownerUser owner = iota
	ownerStandard
	ownerMachinery // Dask and what it runs tasks with
	ownerPackage
)

// Site looks a frame up. The answer stays valid, so that a caller with many stacks of the same frames asks once for each.
func (r *Rules) Site(f Frame) *Site {
	r.mu.RLock()
	site, ok := r.sites[f]
	r.mu.RUnlock()
	if ok {
		return site
	}
	site = r.site(f)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sites) >= maxCached {
		clear(r.sites) // rare enough to begin anew
	}
	r.sites[f] = site
	return site
}

// ClassifySites is Classify for frames that were looked up already.
//
// The stack is walked from the innermost frame outwards, to the first frame of user code: what lies beyond it, the user's code was called
// from, and says nothing of what that code does. Of the rules that match, one of a stronger level wins, and of one level that of the
// innermost frame. Without a match, or if there are only frames of Dask with nothing but a broad match, the task's prefix decides.
func (r *Rules) ClassifySites(stack []*Site, prefix string) Class {
	var (
		best            *rule
		bestModule      string
		library, own    string
		inUser, inOther bool
	)
walk:
	for i := len(stack) - 1; i >= 0; i-- {
		site := stack[i]
		switch site.owner {
		case ownerUser:
			inUser = true
			break walk
		case ownerPackage:
			if !inOther {
				library, inOther = site.module, true
			}
		case ownerMachinery:
			if own == "" {
				own = site.module
			}
		case ownerStandard:
		}
		if match := site.strongest(prefix); match != nil && (best == nil || match.level < best.level) {
			best, bestModule = match, site.module
		}
		if inOther && best != nil && best.level == levelWhole {
			break // nothing further out can win
		}
	}
	if !inOther && !inUser {
		library = own
	}
	if !inUser && (best == nil || best.level == levelBroad && !inOther) {
		if byName := r.byPrefix(prefix); byName != nil {
			best, bestModule = byName, ""
		}
	}
	switch {
	case best != nil:
		return best.class(bestModule, library, inOther)
	case inUser && !inOther:
		return Class{Operation: OperationUser}
	default:
		return Class{Operation: OperationUnknown, Library: library}
	}
}

// strongest returns the strongest rule that matches the frame in a task of the prefix, or nil.
func (s *Site) strongest(prefix string) *rule {
	for _, rule := range s.rules {
		if rule.prefixes == nil || rule.prefixes.match(normalPrefix(prefix)) {
			return rule
		}
	}
	return nil
}

// byPrefix returns the rule that the name of a task alone decides, or nil.
func (r *Rules) byPrefix(prefix string) *rule {
	if prefix == "" {
		return nil
	}
	r.mu.RLock()
	found, ok := r.prefixes[prefix]
	r.mu.RUnlock()
	if ok {
		return found
	}
	name := normalPrefix(prefix)
	for _, rule := range r.prefix {
		if rule.prefixes.match(name) {
			found = rule
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.prefixes) >= maxCached {
		clear(r.prefixes)
	}
	r.prefixes[prefix] = found
	return found
}

// place is what the rules know of a file.
type place struct {
	owner  owner
	module string
	rules  []*rule // that match its path, whatever the function
}

// site works out what Site remembers.
func (r *Rules) site(f Frame) *Site {
	p := r.place(f)
	site := &Site{owner: p.owner, module: p.module}
	for _, rule := range p.rules {
		if rule.functions == nil || rule.functions.matchFunction(f.Function) {
			site.rules = append(site.rules, rule)
		}
	}
	site.rules = strongestFirst(site.rules)
	return site
}

// place looks the file of a frame up: a file has many functions.
func (r *Rules) place(f Frame) *place {
	if f.Class != "s" && f.Class != "p" {
		return &place{owner: ownerUser}
	}
	key := Frame{File: f.File, Class: f.Class}
	r.mu.RLock()
	p, ok := r.places[key]
	r.mu.RUnlock()
	if ok {
		return p
	}
	p = r.newPlace(f)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.places) >= maxCached {
		clear(r.places)
	}
	r.places[key] = p
	return p
}

func (r *Rules) newPlace(f Frame) *place {
	path := r.modulePath(f)
	p := &place{owner: ownerStandard}
	if f.Class == "p" {
		p.module = topModule(path)
		switch {
		case p.module == "": // made by a library at run time, such as numpy's <__array_function__ internals>
		case r.own[p.module]:
			p.owner = ownerMachinery
		default:
			p.owner = ownerPackage
		}
	}
	for _, rules := range [][]*rule{r.byTop[firstComponent(path)], r.anyTop} {
		for _, rule := range rules {
			if rule.file.match(path) {
				p.rules = append(p.rules, rule)
			}
		}
	}
	return p
}
