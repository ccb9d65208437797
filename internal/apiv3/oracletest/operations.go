package oracletest

import (
	"encoding/json"
	"strconv"
	"strings"
)

// operation is one method of one path of the description.
type operation struct {
	path      string
	responses map[int]response
}

type response struct {
	// content says whether a body is described.
	content bool
}

// operations are keyed by method and number of path segments.
type operations map[string][]operation

func parseOperations(text []byte) (operations, error) {
	type described struct {
		Ref     string                     `json:"$ref"`
		Content map[string]json.RawMessage `json:"content"`
	}
	var doc struct {
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Responses map[string]described `json:"responses"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	ops := operations{}
	for path, item := range doc.Paths {
		for method, raw := range item {
			var o struct {
				Responses map[string]described `json:"responses"`
			}
			if json.Unmarshal(raw, &o) != nil || o.Responses == nil {
				continue // parameters and other members that are no operation
			}
			op := operation{path, map[int]response{}}
			for code, r := range o.Responses {
				if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
					r = doc.Components.Responses[name]
				}
				if n, err := strconv.Atoi(code); err == nil {
					op.responses[n] = response{content: len(r.Content) > 0}
				}
			}
			key := key(method, path)
			ops[key] = append(ops[key], op)
		}
	}
	return ops, nil
}

func key(method, path string) string {
	return strings.ToUpper(method) + " " + strconv.Itoa(strings.Count(strings.TrimSuffix(path, "/"), "/"))
}

// find returns the operation whose path fits best: a word beats a parameter.
func (ops operations) find(method, path string) (best operation, ok bool) {
	most := -1
	for _, op := range ops[key(method, path)] {
		if n := fit(op.path, path); n > most {
			best, most, ok = op, n, true
		}
	}
	return best, ok
}

// fit counts the words that pattern and path have in common, -1 if the path does not fit.
func fit(pattern, path string) int {
	want, got := strings.Split(pattern, "/"), strings.Split(strings.TrimSuffix(path, "/"), "/")
	if len(want) != len(got) {
		return -1
	}
	n := 0
	for i, w := range want {
		switch {
		case w == got[i]:
			n++
		case strings.HasPrefix(w, "{") && got[i] != "": // a parameter
		default:
			return -1
		}
	}
	return n
}
