package dask

// ParseStack lets tests read stacks that no scheduler has sent.
var ParseStack = parseStack

// ReadMessage lets tests read messages that no scheduler has sent.
var ReadMessage = readMessage

// Allowed is the list of what can be asked.
func Allowed() []string {
	var out []string
	for op := range allowed {
		out = append(out, string(op))
	}
	return out
}
