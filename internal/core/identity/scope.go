package identity

import (
	"slices"
	"strings"
)

// Scope is what somebody may see: everything, or what they own and what was paid by groups that they lead and by those below. The zero Scope sees nothing.
type Scope struct {
	// All is true for who sees everything.
	All bool
	// User owns what they see.
	User UserID
	// Groups are paths that stand for themselves and all below.
	Groups []string
}

// Scope decides what the actor may see. It is the one place that does: lists, bills, breakdowns and inventories all ask it.
func (a Actor) Scope() Scope {
	if a.User.Role == RoleAdmin {
		return Scope{All: true}
	}
	return Scope{User: a.User.ID, Groups: a.Leads}
}

// Sees reports whether something that owner has and that the group of that path paid for is within the scope; the path is "" where nobody's
// group paid.
func (s Scope) Sees(owner UserID, group string) bool {
	return s.All || (s.User != "" && s.User == owner) || slices.ContainsFunc(s.Groups, func(root string) bool { return Under(group, root) })
}

// MayChange reports whether the actor may change, end or connect to what belongs to owner. Who leads a group sees what it pays for and changes nothing
// of it.
func (a Actor) MayChange(owner UserID) bool {
	return a.User.Role == RoleAdmin || (a.User.ID != "" && a.User.ID == owner)
}

// Under reports whether a path is that of root or of a group below it.
func Under(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && root != "" && (rest == "" || rest[0] == '/')
}
