package store

import (
	"strings"

	"github.com/lineitem/lineitem/internal/core/identity"
)

// nobody owns nothing: no id of a user looks like it.
const nobody = "-"

// scopeToDB makes the two parameters that queries know a scope by: the owner, "" for everything, and the led paths between bars, as |/a|/b/c|, which one
// text of a query can look into on both engines. Paths hold neither bars nor what LIKE reads as any. What is in the scope is what identity.Scope.Sees
// says; a test compares.
func scopeToDB(s *identity.Scope) (owner, led string) {
	switch {
	case s == nil || s.All:
		return "", ""
	case s.User == "":
		owner = nobody
	default:
		owner = string(s.User)
	}
	if len(s.Groups) > 0 {
		led = "|" + strings.Join(s.Groups, "|") + "|"
	}
	return owner, led
}
