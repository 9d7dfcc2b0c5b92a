package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
)

// target names what rows of an invoice are for: one process, the processes of one cluster, or those of one backend.
type target struct {
	kind, value string
}

// Kinds of targets, the narrowest first. A handle is the backend's name of a process, such as the id of an instance; it finds a process.
const (
	targetProcess = "process"
	targetCluster = "cluster"
	targetBackend = "backend"
	targetHandle  = "handle"
	targetNone    = "none"
)

func (t target) String() string { return t.kind + " " + t.value }

// Rule says what some rows of an invoice are for: "ServiceName=Amazon Elastic*,RegionId=us-east-1 -> backend=aws".
type Rule struct {
	text       string
	conditions []condition
	// kind and value are the target; a value in braces is that of a column.
	kind, value string
}

type condition struct{ column, value string }

// defaultRules find rows that name what they are for: our own export, and resources that were tagged with their cluster.
var defaultRules = []Rule{
	{kind: targetProcess, value: "{ResourceId}"},
	{kind: targetCluster, value: "{x_ClusterId}"},
	{kind: targetCluster, value: "{Tags.lineitem_cluster}"},
}

const maxRules = 100

// ParseRules reads rules, of which the first that fits a row decides.
func ParseRules(texts []string) ([]Rule, error) {
	if len(texts) > maxRules {
		return nil, errs.InvalidFields(errs.Field{Name: "map", Message: fmt.Sprintf("There are %d rules; at most %d are read. Nothing was imported.", len(texts), maxRules)})
	}
	rules := make([]Rule, 0, len(texts))
	for _, text := range texts {
		rule, err := parseRule(text)
		if err != nil {
			return nil, errs.InvalidFields(errs.Field{Name: "map", Message: err.Error() + " Nothing was imported."})
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

func parseRule(text string) (Rule, error) {
	r := Rule{text: text}
	left, right, ok := strings.Cut(text, "->")
	if !ok {
		return r, fmt.Errorf("%.200q is no rule; write COLUMN=VALUE[,COLUMN=VALUE] -> backend=NAME.", text) //nolint:revive,staticcheck // a sentence for the user
	}
	for _, part := range strings.Split(left, ",") {
		if strings.TrimSpace(part) == "" && len(r.conditions) == 0 && strings.TrimSpace(left) == "" {
			break // a rule for all rows
		}
		column, value, ok := strings.Cut(part, "=")
		column, value = strings.TrimSpace(column), strings.TrimSpace(value)
		if !ok || column == "" {
			return r, fmt.Errorf("%.100q in the rule %.200q is no condition; write COLUMN=VALUE.", part, text) //nolint:revive,staticcheck // a sentence for the user
		}
		r.conditions = append(r.conditions, condition{column, value})
	}
	kind, value, _ := strings.Cut(strings.TrimSpace(right), "=")
	r.kind, r.value = strings.TrimSpace(kind), strings.TrimSpace(value)
	known := []string{targetBackend, targetCluster, targetProcess, targetHandle}
	switch {
	case r.kind == targetNone && r.value == "":
	case !slices.Contains(known, r.kind) || r.value == "":
		return r, fmt.Errorf("the rule %.200q leads to %.100q; it must lead to %s=VALUE, or to none.", text, strings.TrimSpace(right), strings.Join(known, "=VALUE, ")) //nolint:revive,staticcheck // a sentence for the user
	}
	return r, nil
}

// columns lists the columns that rules read. Those of the default rules need not be there.
func columns(rules []Rule) []string {
	var out []string
	add := func(name string) {
		if tag, ok := strings.CutPrefix(name, columnTags+"."); ok && tag != "" {
			name = columnTags
		}
		out = append(out, name)
	}
	for _, r := range rules {
		for _, c := range r.conditions {
			add(c.column)
		}
		if column, ok := inBraces(r.value); ok {
			add(column)
		}
	}
	return out
}

func inBraces(value string) (string, bool) {
	if len(value) > 2 && value[0] == '{' && value[len(value)-1] == '}' {
		return value[1 : len(value)-1], true
	}
	return "", false
}

// cell returns a column's value of a row; Tags.name is the value of a tag.
func cell(row invoiceRow, column string) (string, error) {
	tag, ok := strings.CutPrefix(column, columnTags+".")
	if !ok {
		return row.get(column), nil
	}
	text := row.get(columnTags)
	if !strings.Contains(text, tag) {
		return "", nil // most rows need not be parsed
	}
	var tags map[string]any
	if err := json.Unmarshal([]byte(text), &tags); err != nil {
		return "", wrongLine(row.line, "%s is %.*q, which is no JSON object.", columnTags, maxCell, text)
	}
	if value, ok := tags[tag]; ok && value != nil {
		return fmt.Sprint(value), nil
	}
	return "", nil
}

// fits reports whether all conditions hold; a value that ends in * stands for all that begin so.
func (r Rule) fits(row invoiceRow) (bool, error) {
	for _, c := range r.conditions {
		value, err := cell(row, c.column)
		if err != nil {
			return false, err
		}
		if head, ok := strings.CutSuffix(c.value, "*"); ok {
			if !strings.HasPrefix(value, head) {
				return false, nil
			}
		} else if value != c.value {
			return false, nil
		}
	}
	return true, nil
}

// known are the targets that there are in a month.
type known struct {
	targets map[target]bool
	handles map[string]cluster.ProcessID
}

func newKnown(processes []Metered) known {
	k := known{targets: map[target]bool{}, handles: map[string]cluster.ProcessID{}}
	for _, p := range processes {
		k.targets[target{targetProcess, string(p.Process)}] = true
		k.targets[target{targetCluster, string(p.Cluster)}] = true
		k.targets[target{targetBackend, p.Backend}] = true
		if p.Handle != "" {
			k.handles[p.Handle] = p.Process
		}
	}
	return k
}

// of returns what a row is for; ok is false for one that no rule leads to anything of ours. The first rule that fits and names something that is there decides.
func (k known) of(row invoiceRow, rules []Rule) (t target, ok bool, err error) {
	for _, list := range [][]Rule{rules, defaultRules} {
		for _, r := range list {
			fits, err := r.fits(row)
			if err != nil {
				return target{}, false, err
			}
			if !fits {
				continue
			}
			if r.kind == targetNone {
				return target{}, false, nil
			}
			value := r.value
			if column, braces := inBraces(value); braces {
				if value, err = cell(row, column); err != nil {
					return target{}, false, err
				}
			}
			t := target{r.kind, value}
			if r.kind == targetHandle {
				t = target{targetProcess, string(k.handles[value])}
			}
			if k.targets[t] {
				return target{t.kind, strings.Clone(t.value)}, true, nil // the row's memory is used again
			}
		}
	}
	return target{}, false, nil
}
