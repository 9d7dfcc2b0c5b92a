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

// Answers reads a value as the answer to every question.
func Answers(v any) (id Identity, processing map[string][]Key, stacks map[string][]Running, states map[string]map[string]int64) {
	id, _ = identityFrom(v)
	processing, _ = processingFrom(v)
	stacks, _ = stacksFrom(v)
	states, _ = statesFrom(v)
	_, _ = coresFrom(v)
	_, _ = versionsFrom(v)
	return id, processing, stacks, states
}
