// Package identity knows users and their groups, their sign-in codes, sessions and API tokens, and who may do what. Secrets exist
// in clear only in the answer that hands them out; everything kept is a hash.
package identity

import "time"

// UserID identifies a user: "us_" and a time-ordered, lower-case ULID.
type UserID string

// Role is what a user may do in the organisation.
type Role string

// Roles.
const (
	// RoleAdmin sees and changes everything.
	RoleAdmin Role = "admin"
	// RoleUser sees and changes what is theirs.
	RoleUser Role = "user"
)

// User is a person or a service account.
type User struct {
	ID UserID
	// Name is unique, lower-case: "ana".
	Name      string
	Role      Role
	CreatedAt time.Time
}

// Actor is who makes a request, once authenticated.
type Actor struct {
	User User
	// TokenID is set when an API token was used.
	TokenID string
	// Leads are all paths that the groups which the user leads bear or ever bore; what stands below them is led as well. Empty for admins, who need none.
	Leads []string
}

// Hash is the SHA-256 of a secret, in hexadecimal. All secrets are 256 random bits, so a plain hash is enough.
type Hash string

// SignInCode is a one-time code that opens a session or buys a token.
type SignInCode struct {
	Hash      Hash
	UserID    UserID
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Session is a signed-in browser.
type Session struct {
	Hash      Hash
	UserID    UserID
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Token is an API token.
type Token struct {
	// ID is "tk_" and a ULID; it is not secret.
	ID        string
	UserID    UserID
	Name      string
	Hash      Hash
	CreatedAt time.Time
	// ExpiresAt is zero for a token without end.
	ExpiresAt time.Time
	// LastUsedAt is kept to the minute.
	LastUsedAt time.Time
}
