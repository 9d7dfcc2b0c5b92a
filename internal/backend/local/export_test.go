package local

import "github.com/lineitem/lineitem/internal/backend"

// SetFailpoint replaces what happens between the steps of a start and a stop.
func SetFailpoint(f func(point string)) { failpoint = f }

// Environment is what a scheduler would see if the server's environment were as given.
func Environment(b *Backend, l backend.Launch, server []string) []string {
	return b.environment(l, files{work: "/work-folder", token: "/token-file"}, server)
}
