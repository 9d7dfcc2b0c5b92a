package dask

import (
	"regexp"
	"strconv"
)

// Frame is a line of a function that a thread stands in.
type Frame struct {
	File     string
	Line     int
	Function string
	// Text is the source of the line, as the worker has it; may be empty.
	Text string
}

const (
	maxDepth = 1000
	maxText  = 400
)

// frameText is how distributed.profile.repr_frame writes a frame. File names may hold anything, so the greedy middle takes what it can.
var frameText = regexp.MustCompile(`(?s)^  File "(.*)", line (\d+|None), in ([^\n]*)\n\t(.*)$`)

// parseStack reads the frames of call_stack, outermost first. What is not a frame is left out.
func parseStack(lines []any) []Frame {
	if len(lines) > maxDepth {
		lines = lines[len(lines)-maxDepth:]
	}
	frames := make([]Frame, 0, len(lines))
	for _, l := range lines {
		s, ok := l.(string)
		if !ok {
			continue
		}
		m := frameText.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		line, err := strconv.Atoi(m[2])
		if err != nil {
			line = 0 // "None": the instruction belongs to no line
		}
		frames = append(frames, Frame{File: m[1], Line: line, Function: m[3], Text: trimText(m[4])})
	}
	return frames
}

func trimText(s string) string {
	for len(s) > 0 && (s[len(s)-1] == '\n' || s[len(s)-1] == '\r') {
		s = s[:len(s)-1]
	}
	if len(s) > maxText {
		return ""
	}
	return s
}
