package seed

import (
	"strconv"

	"github.com/lineitem/lineitem/internal/core/identity"
)

// group is a node of the tree, with what its people do.
type group struct {
	identity.Group
	habit habit
	// offset is how many hours of UTC their days are away.
	offset int
	size   float64
	// agents says how many of their clusters carried an agent at the begin and the end of the time.
	agentsAtFirst, agentsAtLast float64
	backend                     string
}

// departments, what they are about, and what their teams mostly do.
var departments = []struct {
	name  string
	areas []string
	habit habit
}{
	{"research", []string{"genomics", "imaging", "climate", "chemistry", "sensors"}, habitArrays},
	{"commerce", []string{"pricing", "search", "recommendations", "ads", "loyalty"}, habitDeep},
	{"risk", []string{"credit", "fraud", "market", "insurance"}, habitBoost},
	{"operations", []string{"logistics", "forecasting", "maintenance", "supply"}, habitTables},
	{"platform", []string{"ingestion", "quality", "reporting", "catalogue"}, habitTables},
	{"finance", []string{"planning", "billing", "audit", "treasury"}, habitCSV},
	{"marketing", []string{"campaigns", "attribution", "insights"}, habitCSV},
	{"people", []string{"analytics", "planning"}, habitAdhoc},
}

var teams = []string{"core", "models", "features", "data", "lab", "europe", "americas", "asia", "realtime", "batch"}

// makeGroups fills the tree: a tenth departments, the areas below them, teams below those, and a few teams of teams.
func (org *Organisation) makeGroups() {
	c := org.stream(ofGroups)
	n := org.options.Groups
	roots := min(max(1, n/10), len(departments))
	for i := range roots {
		org.addGroup(c, -1, departments[i].name, departments[i].habit)
	}
	areas := min(max(1, n*7/20), n-roots)
	for i := range areas {
		d := departments[i%roots]
		org.addGroup(c, i%roots, numbered(d.areas, i/roots), d.habit)
	}
	below := n - roots - areas
	deepest := below / 7
	for i := range below - deepest {
		parent := roots + i%areas
		org.addGroup(c, parent, numbered(teams, i/areas*3+i%3), org.groups[parent].habit)
	}
	for i := range deepest {
		parent := roots + areas + i*5%(below-deepest)
		org.addGroup(c, parent, numbered([]string{"squad", "pilot"}, i*5/(below-deepest)), org.groups[parent].habit)
	}
}

// numbered names the i-th of something.
func numbered(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return names[i%len(names)] + "-" + strconv.Itoa(i/len(names)+1)
}

func (org *Organisation) addGroup(c chance, parent int, name string, likely habit) {
	created := org.begin.AddDate(-1, 0, 0)
	g := group{
		Group: identity.Group{ID: identity.GroupID(c.newID("gr", created)), Name: name, Path: "/" + name, CreatedAt: created}, habit: likely, offset: pick(c, []int{0, 0, 0, -6, 5}),
		size: c.skewed(1, 0.7), agentsAtFirst: c.between(0.70, 0.95), agentsAtLast: c.between(0.93, 1),
		backend: pick(c, []string{backendKubernetes, backendKubernetes, backendSlurm, backendWatched}),
	}
	switch {
	case parent < 0:
		g.size *= 0.1
	default:
		above := org.groups[parent]
		g.Parent, g.Path = above.ID, above.Path+"/"+name
		g.offset, g.backend = above.offset, above.backend
		if above.Parent == "" {
			g.size *= 0.4
		}
		if c.Float64() < 0.25 {
			g.habit = habit(c.IntN(int(habits)))
		}
	}
	org.groups = append(org.groups, g)
}
