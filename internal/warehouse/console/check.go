package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// refusal is a sentence that says why a statement is not run. Nothing has happened when there is one.
type refusal struct {
	// code is "sql_refused" for what is not allowed, "sql_wrong" for what is no statement.
	code, sentence string
}

func (r *refusal) Error() string { return r.sentence }

func refuse(format string, args ...any) error {
	return &refusal{code: "sql_refused", sentence: fmt.Sprintf(format, args...) + " The statement was not run."}
}

// What a statement may be made of. Whatever a later DuckDB adds is refused until it is here.
var (
	nodes = set("SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE")
	// plain are the parts that need no look at themselves, only at what is in them.
	plain = set(`JOIN SUBQUERY EMPTY EXPRESSION_LIST
		ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING ORDER_ASCENDING ORDER_DESCENDING
		DECIMAL_TYPE_INFO STRING_TYPE_INFO LIST_TYPE_INFO STRUCT_TYPE_INFO ARRAY_TYPE_INFO GENERIC_TYPE_INFO ANY_TYPE_INFO INTEGER_LITERAL_TYPE_INFO TEMPLATE_TYPE_INFO`)
	classes = set(`BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA LAMBDA_REF OPERATOR POSITIONAL_REFERENCE STAR SUBQUERY WINDOW`)
)

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}

// examine looks at a parsed statement, as json_serialize_sql writes it: it must be one SELECT over known tables with known functions. It returns the tables that
// it names, in their order.
func examine(tree []byte, known []string) ([]string, error) {
	var parsed struct {
		Error   bool   `json:"error"`
		Type    string `json:"error_type"`
		Message string `json:"error_message"`

		Statements []struct {
			Node       any   `json:"node"`
			Parameters []any `json:"named_param_map"`
		} `json:"statements"`
	}
	decoder := json.NewDecoder(bytes.NewReader(tree))
	decoder.UseNumber() // constants may be larger than any number of Go
	if err := decoder.Decode(&parsed); err != nil {
		// DuckDB writes some constants as JSON has no word for: numbers beyond the range of DOUBLE.
		return nil, &refusal{code: "sql_wrong", sentence: "A number in the statement is beyond the range of DOUBLE."}
	}
	switch {
	case parsed.Error && strings.HasPrefix(parsed.Message, "Only SELECT"):
		return nil, refuse("Only SELECT (also WITH, FROM, VALUES, UNION, PIVOT, DESCRIBE, SUMMARIZE and EXPLAIN of one) is allowed: nothing here can be written, loaded, attached, copied or set.")
	case parsed.Error:
		return nil, &refusal{code: "sql_wrong", sentence: "This is not understood: " + stop(parsed.Message)}
	case len(parsed.Statements) != 1:
		return nil, refuse("There are %d statements; give one.", len(parsed.Statements))
	case len(parsed.Statements[0].Parameters) > 0:
		return nil, refuse("Parameters ($1, ?) have no values here; write the values.")
	}
	x := examiner{known: known}
	if err := x.node(parsed.Statements[0].Node, nil); err != nil {
		return nil, err
	}
	return x.tables, nil
}

func stop(message string) string {
	if message = strings.TrimSpace(message); !strings.HasSuffix(message, ".") && !strings.HasSuffix(message, "!") {
		message += "."
	}
	return message
}

// examiner walks a tree. Names of common table expressions are passed down: they are known within their query only, so that none can stand for anything else.
type examiner struct {
	known  []string
	tables []string
}

type object = map[string]any

func word(o object, key string) string {
	s, _ := o[key].(string)
	return s
}

var errShape = errors.New("the parsed statement has a part that is not understood")

// node looks at a query: its common table expressions in their order, then the rest.
func (x *examiner) node(v any, names []string) error {
	o, ok := v.(object)
	if !ok {
		return errShape
	}
	if !nodes[word(o, "type")] {
		return refuse("%s is not allowed here.", readable(word(o, "type")))
	}
	ctes, ok := o["cte_map"].(object)
	if !ok {
		return errShape
	}
	entries, ok := ctes["map"].([]any)
	if !ok {
		return errShape
	}
	for _, entry := range entries {
		e, ok := entry.(object)
		if !ok {
			return errShape
		}
		name := strings.ToLower(word(e, "key"))
		if slices.Contains(x.known, name) {
			return refuse("WITH %s: there is a table of that name; choose another.", name)
		}
		cte, ok := e["value"].(object)
		if !ok {
			return errShape
		}
		if err := x.all(cte, names); err != nil {
			return err
		}
		names = append(slices.Clip(names), name)
	}
	if word(o, "type") == "RECURSIVE_CTE_NODE" {
		names = append(slices.Clip(names), strings.ToLower(word(o, "cte_name")))
	}
	for key, part := range o {
		if key == "cte_map" {
			continue
		}
		if err := x.part(part, names); err != nil {
			return err
		}
	}
	return nil
}

// part looks at anything below a query.
func (x *examiner) part(v any, names []string) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := x.part(item, names); err != nil {
				return err
			}
		}
		return nil
	case object:
		return x.object(v, names)
	default:
		return nil
	}
}

func (x *examiner) object(o object, names []string) error {
	if class, ok := o["class"].(string); ok {
		return x.expression(class, o, names)
	}
	kind, ok := o["type"].(string)
	if !ok { // a case, a constant's type, a sample: parts without a kind of their own
		return x.all(o, names)
	}
	if _, ok := o["cte_map"]; ok {
		return x.node(o, names)
	}
	switch kind {
	case "BASE_TABLE":
		return x.table(o, names)
	case "TABLE_FUNCTION":
		return x.tableFunction(o, names)
	case "SHOW_REF":
		if _, ok := o["query"].(object); !ok || (word(o, "show_type") != "DESCRIBE" && word(o, "show_type") != "SUMMARY") {
			return refuse("SHOW is not allowed here. The tables are %s; DESCRIBE lines shows the columns of one.", strings.Join(x.known, ", "))
		}
	case "PIVOT":
		// The values of a pivot without IN are found by a statement of their own that makes a type.
		if pivots, _ := o["pivots"].([]any); slices.ContainsFunc(pivots, func(p any) bool { o, ok := p.(object); return !ok || word(o, "pivot_enum") != "" }) {
			return refuse("PIVOT over a type is not allowed here; list the values with IN.")
		}
	case "UNBOUND_TYPE_INFO", "USER_TYPE_INFO":
		if word(o, "schema") != "" || word(o, "catalog") != "" {
			return refuse("Types of another schema are not allowed here.")
		}
	default:
		if !plain[kind] {
			return refuse("%s is not allowed here.", readable(kind))
		}
	}
	return x.all(o, names)
}

func (x *examiner) all(o object, names []string) error {
	for _, part := range o {
		if err := x.part(part, names); err != nil {
			return err
		}
	}
	return nil
}

func (x *examiner) expression(class string, o object, names []string) error {
	if !classes[class] {
		return refuse("An expression of the kind %s is not allowed here.", readable(class))
	}
	switch class {
	case "CONSTANT":
		return nil
	case "FUNCTION", "WINDOW":
		name := strings.ToLower(word(o, "function_name"))
		if err := ownSchema("function", name, o, "schema", "catalog"); err != nil {
			return err
		}
		if !functions()[name] {
			return refuse("The function %s is not allowed here. Allowed are those that compute from their arguments; docs/sql.md lists them.", name)
		}
	}
	return x.all(o, names)
}

func (x *examiner) table(o object, names []string) error {
	name := strings.ToLower(word(o, "table_name"))
	switch {
	case o["at_clause"] != nil:
		return refuse("AT is not allowed here: tables have no versions.")
	case word(o, "schema_name") == "" && word(o, "catalog_name") == "" && slices.Contains(names, name):
		return nil
	case !slices.Contains(x.known, name):
		return refuse("There is no table %.200q. The tables are %s. Files, system tables and other databases cannot be read.", word(o, "table_name"), strings.Join(x.known, ", "))
	}
	if err := ownSchema("table", name, o, "schema_name", "catalog_name"); err != nil {
		return err
	}
	if !slices.Contains(x.tables, name) {
		x.tables = append(x.tables, name)
	}
	return x.part(o["sample"], names)
}

func (x *examiner) tableFunction(o object, names []string) error {
	f, ok := o["function"].(object)
	if !ok {
		return errShape
	}
	name := strings.ToLower(word(f, "function_name"))
	if err := ownSchema("function", name, f, "schema", "catalog"); err != nil {
		return err
	}
	if word(f, "class") != "FUNCTION" || !tableFunctions[name] {
		return refuse("The table function %s is not allowed here. Allowed are unnest, range and generate_series; the tables are %s.", name, strings.Join(x.known, ", "))
	}
	return x.all(f, names)
}

// ownSchema refuses what is named by a schema or a catalogue other than the statement's own.
func ownSchema(what, name string, o object, schema, catalog string) error {
	if s := strings.ToLower(word(o, schema)); word(o, catalog) != "" || (s != "" && s != "main") {
		return refuse("The %s %s is named by a schema; name it alone.", what, name)
	}
	return nil
}

func readable(kind string) string {
	if kind == "" {
		return "A part without a name"
	}
	return strings.ReplaceAll(kind, "_", " ")
}
