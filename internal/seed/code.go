package seed

import (
	"strconv"
	"strings"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// site is one thing that shows up in hours: a line that created work, where the threads stood, and what it was.
type site struct {
	step
	origin, leaf usage.Line
	created      bool
	share        float64
}

// file is a file of user code. What is slow from some day on is in trouble, not here.
type file struct {
	path  string
	sites []site
}

// project is what a group works on. Its name is declared by a tag where tagged.
type project struct {
	name   string
	tagged bool
	files  []*file
	weight float64
}

// makeCode writes everybody's code: helpers that a group and those below it share, the files of its projects, and everyone's own.
func (org *Organisation) makeCode() {
	index := map[identity.GroupID]int{}
	for i, g := range org.groups {
		index[g.ID] = i
		c := org.stream(ofCode, uint64(i))
		root := "/srv/code" + g.Path
		helpers := c.file(root+"/common/tables.py", g.habit, 14, nil)
		// Teams use the helpers of the group above them more often than their own.
		if above, ok := index[g.Parent]; ok && c.Float64() < 0.6 {
			helpers = org.shared[above]
		}
		org.shared = append(org.shared, helpers)
		var projects []project
		for n := range 2 + c.count(2) {
			name := numbered(themes[g.habit], n)
			p := project{name: name, tagged: c.Float64() < 0.75, weight: c.skewed(1, 0.9)}
			for m := range 2 + c.count(2) {
				path := root + "/" + name + "/" + numbered(modules, m) + ".py"
				p.files = append(p.files, c.file(path, g.habit, 26+c.IntN(34), helpers))
			}
			projects = append(projects, p)
		}
		org.projects = append(org.projects, projects)
	}
	for i := range org.users {
		u := &org.users[i]
		if u.scheduled {
			continue
		}
		c := org.stream(ofPersonal, uint64(i))
		for n := range 1 + c.count(1.2) {
			path := "/home/" + u.Name + "/" + numbered(themes[org.groups[u.group].habit], n) + "/" + pick(c, []string{"explore", "notebook", "try", "scratch"}) + strconv.Itoa(n+1) + ".py"
			h := org.groups[u.group].habit
			if c.Float64() < 0.3 {
				h = habitAdhoc
			}
			u.personal = append(u.personal, c.file(path, h, 24+c.IntN(30), org.shared[u.group]))
		}
	}
}

// file writes a file of about n sites. Some of its lines call helpers: the threads then stand in those.
func (c chance) file(path string, h habit, n int, helpers *file) *file {
	f := &file{path: path}
	all, line := steps[h], 8+c.IntN(30)
	for len(f.sites) < n {
		s := all[c.weighted(len(all), func(i int) float64 { return all[i].weight + 4 })]
		origin := usage.Line{File: path, Line: line, Function: s.function}
		one := site{step: s, origin: origin, leaf: origin, created: c.Float64() < 0.93, share: s.weight * c.skewed(1, 1)}
		if helpers != nil && c.Float64() < 0.22 {
			one.leaf = pick(c, helpers.sites).origin
		}
		f.sites = append(f.sites, one)
		if c.Float64() < 0.25 { // the same line, seen elsewhere: in what it calls
			one.leaf = usage.Line{File: path, Line: line + 40 + c.IntN(60), Function: "_" + strings.TrimPrefix(s.function, "_")}
			one.share *= 0.4
			f.sites = append(f.sites, one)
		}
		line += 1 + c.count(3)
	}
	return f
}
