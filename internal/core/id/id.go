// Package id makes identifiers: a short prefix that says what is named, and a lower-case ULID, which sorts by the time it was made.
package id

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// ulidLength is the length of the text of a ULID: 130 bits in base 32, of which the first two are zero.
const ulidLength = 26

// alphabet is Crockford's base 32 in lower case: no i, l, o and u, and in the order of its values, so that texts sort like numbers.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// EntropyBytes is how many bytes of an identifier are chance.
const EntropyBytes = 10

// New returns prefix, "_" and a ULID: 48 bits of milliseconds and 80 random bits. Identifiers of different milliseconds sort in the
// order of their times; those of one millisecond sort at random.
func New(prefix string, now time.Time) string {
	var entropy [EntropyBytes]byte
	rand.Read(entropy[:]) // never fails: it ends the program instead
	return From(prefix, now, entropy)
}

// From returns what New does, with chance from the caller.
func From(prefix string, now time.Time, entropy [EntropyBytes]byte) string {
	// A ULID is the number in 26 digits, filled with zero bits on the left. Base 32 fills on the right, so two bits go in
	// front: 2 + 128 = 130 bits, in 17 bytes whose last six bits are not used.
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(max(now.UnixMilli(), 0))<<16)
	copy(raw[6:], entropy[:])
	var wide [17]byte
	for i, b := range raw {
		wide[i] |= b >> 2
		wide[i+1] = b << 6
	}
	return prefix + "_" + encoding.EncodeToString(wide[:])[:ulidLength]
}

// Valid reports whether text is what New returns for the prefix, for any time.
func Valid(prefix, text string) bool {
	rest, ok := strings.CutPrefix(text, prefix+"_")
	if !ok || len(rest) != ulidLength || rest[0] > '7' {
		return false
	}
	return strings.Trim(rest, alphabet) == ""
}
