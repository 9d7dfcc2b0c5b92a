package dask

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// noPrefix is the prefix of a key that has none.
const noPrefix = "Other"

// hashLength is how long a key is that is nothing but a hash, tokenLength how long the hexadecimal word is that may end a name.
const hashLength, tokenLength = 32, 8

// Prefix returns the prefix of a key: Dask's own rule (dask.utils.key_split), to the letter, so that names are those that its dashboard shows.
func Prefix(k Key) string {
	switch k := k.(type) {
	case []any:
		if len(k) == 0 {
			return noPrefix
		}
		return Prefix(k[0])
	case []byte:
		if !utf8.Valid(k) {
			return noPrefix
		}
		return prefixOf(string(k))
	case string:
		return prefixOf(k)
	default:
		return noPrefix
	}
}

func prefixOf(s string) string {
	words := strings.Split(s, "-")
	first, size := utf8.DecodeRuneInString(words[0])
	if size == 0 {
		return noPrefix
	}
	result := words[0]
	if !unicode.IsLetter(first) {
		result, _, _ = strings.Cut(result, ",")
		result = strings.Trim(result, `_'()"`)
	}
	for _, word := range words[1:] {
		if !isAlpha(word) || utf8.RuneCountInString(word) == tokenLength && isHexLetter(word[0]) {
			break
		}
		result += "-" + word
	}
	switch {
	case result == "":
		return noPrefix
	case len(result) == hashLength && strings.IndexFunc(result, notHex) < 0:
		return "data"
	case result[0] != '<':
		return result
	}
	fields := strings.Fields(strings.Trim(result, "<>"))
	if len(fields) == 0 {
		return noPrefix
	}
	parts := strings.Split(fields[0], ".")
	return parts[len(parts)-1]
}

func isAlpha(word string) bool {
	return word != "" && strings.IndexFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

func isHexLetter(b byte) bool { return b >= 'a' && b <= 'f' }

func notHex(r rune) bool { return (r < 'a' || r > 'f') && (r < '0' || r > '9') }
