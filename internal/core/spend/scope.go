package spend

import (
	"slices"
	"strings"

	"github.com/lineitem/lineitem/internal/core/identity"
)

// Scope is what somebody may see: what was spent by some users and by some groups. The zero value sees nothing.
type Scope struct {
	// All sees everything, whatever the rest says.
	All   bool
	Users []identity.UserID
	// Groups are paths; what is below them is seen too.
	Groups []string
}

// Everything is what administrators see.
var Everything = Scope{All: true}

// Sees tells whether what is spent by these may be seen.
func (s Scope) Sees(of Of) bool {
	return s.All || slices.Contains(s.Users, of.UserID) || slices.ContainsFunc(s.Groups, func(group string) bool { return Within(of.Group, group) })
}

// Within tells whether a group's path is another one's or below it. The empty path is no group: nothing is within it.
func Within(path, group string) bool {
	rest, ok := strings.CutPrefix(path, group)
	return ok && group != "" && (rest == "" || rest[0] == '/')
}
