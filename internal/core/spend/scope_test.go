package spend_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	ana := spend.Of{UserID: "us_a", Group: "/research/genomics"}
	for name, c := range map[string]struct {
		scope spend.Scope
		of    spend.Of
		want  bool
	}{
		"nothing":             {spend.Scope{}, ana, false},
		"everything":          {spend.Everything, ana, true},
		"oneself":             {spend.Scope{Users: []identity.UserID{"us_b", "us_a"}}, ana, true},
		"somebody else":       {spend.Scope{Users: []identity.UserID{"us_b"}}, ana, false},
		"the group":           {spend.Scope{Groups: []string{"/research/genomics"}}, ana, true},
		"the group above":     {spend.Scope{Groups: []string{"/research"}}, ana, true},
		"a group's beginning": {spend.Scope{Groups: []string{"/res"}}, ana, false},
		"a group below":       {spend.Scope{Groups: []string{"/research/genomics/wheat"}}, ana, false},
		"no group":            {spend.Scope{Groups: []string{""}}, spend.Of{UserID: "us_a"}, false},
		"no group of a group": {spend.Scope{Groups: []string{""}}, ana, false},
	} {
		if got := c.scope.Sees(c.of); got != c.want {
			t.Errorf("%s: seen is %v", name, got)
		}
	}
}

// TestWithinIsATree: a path is within each of its beginnings that end where a part ends, and within nothing else.
func TestWithinIsATree(t *testing.T) {
	t.Parallel()
	part := rapid.StringMatching(`[a-z]{1,3}`)
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "path"), "/")
		group := "/" + strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "group"), "/")
		if want := strings.HasPrefix(path+"/", group+"/"); spend.Within(path, group) != want {
			t.Errorf("%s within %s is not %v", path, group, want)
		}
	})
}
