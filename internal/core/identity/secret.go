package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// secretKind is the prefix of a secret: it tells people, and scanners that look for leaked secrets, what they have found. A secret of one
// kind is never taken for another.
type secretKind string

const (
	secretToken   secretKind = "lit_"
	secretSession secretKind = "lis_"
	secretCode    secretKind = "lic_"
)

// secretBytes is 256 bits: too many to guess, so that a plain hash protects what is stored.
const secretBytes = 32

var secretEncoding = base64.RawURLEncoding

func newSecret(kind secretKind) string {
	var b [secretBytes]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	return string(kind) + secretEncoding.EncodeToString(b[:])
}

// HashOf returns what is kept of a secret. Looking a secret up by its hash takes no time that would tell how much of a guess was right.
func HashOf(secret string) Hash {
	sum := sha256.Sum256([]byte(secret))
	return Hash(hex.EncodeToString(sum[:]))
}

// wellFormed reports whether a secret could be one of ours, which spares the database a question.
func wellFormed(kind secretKind, secret string) bool {
	rest, ok := strings.CutPrefix(secret, string(kind))
	return ok && len(rest) == secretEncoding.EncodedLen(secretBytes)
}
