package export

import (
	"encoding/json"
	"io"
)

// speedscopeSchema is what files of this format say that they are.
const speedscopeSchema = "https://www.speedscope.app/file-format-schema.json"

type speedscopeFile struct {
	Schema   string `json:"$schema"`
	Exporter string `json:"exporter"`
	Name     string `json:"name"`
	Active   int    `json:"activeProfileIndex"`
	Shared   struct {
		Frames []speedscopeFrame `json:"frames"`
	} `json:"shared"`
	Profiles []speedscopeProfile `json:"profiles"`
}

type speedscopeFrame struct {
	Name string `json:"name"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

type speedscopeProfile struct {
	Type    string  `json:"type"`
	Name    string  `json:"name"`
	Unit    string  `json:"unit"`
	Start   int64   `json:"startValue"`
	End     int64   `json:"endValue"`
	Samples [][]int `json:"samples"`
	Weights []int64 `json:"weights"`
}

// Speedscope writes a profile in speedscope's own format: cost, wall and cpu as profiles of one file. The format has no unit for money, so the
// cost has none, and its name says it. The exporter is who says to have written it.
func Speedscope(w io.Writer, p Profile, exporter string) error {
	file := speedscopeFile{Schema: speedscopeSchema, Exporter: text(exporter), Name: "Bill of " + p.ClusterID}
	file.Shared.Frames = []speedscopeFrame{}
	known := map[Frame]int{}
	stacks := make([][]int, len(p.Samples))
	for i, s := range p.Samples {
		stacks[i] = make([]int, len(s.Stack))
		for j, frame := range s.Stack {
			number, ok := known[frame]
			if !ok {
				number = len(file.Shared.Frames)
				known[frame] = number
				file.Shared.Frames = append(file.Shared.Frames, speedscopeFrame(frame))
			}
			stacks[i][j] = number
		}
	}
	for _, kind := range []struct {
		name, unit string
		value      func(Sample) int64
	}{
		{TypeCost + " in " + p.Unit() + " (billionths of " + p.Currency + ")", "none", func(s Sample) int64 { return s.CostNanos }},
		{TypeWall, "nanoseconds", func(s Sample) int64 { return s.WallNanos }},
		{TypeCPU, "nanoseconds", func(s Sample) int64 { return s.CPUNanos }},
	} {
		one := speedscopeProfile{Type: "sampled", Name: kind.name, Unit: kind.unit, Samples: [][]int{}, Weights: []int64{}}
		for i, s := range p.Samples {
			if value := kind.value(s); value != 0 {
				one.Samples = append(one.Samples, stacks[i])
				one.Weights = append(one.Weights, value)
				one.End += value
			}
		}
		file.Profiles = append(file.Profiles, one)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(file)
}
