package hooks

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// native gives expressions numbers to reckon with: whole ones exact to 64 bits, longer ones as text.
func native(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return int(n)
		}
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return f
		}
		return v.String()
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = native(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = native(v[name])
		}
		return out
	}
	return v
}

// plain is the way back: whatever an expression gave, as JSON holds it. What JSON cannot hold is left out.
func plain(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case json.Number, string, bool, int, nil:
		return v
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = plain(v[name])
		}
		return out
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	again, err := decode(string(text))
	if err != nil {
		return nil
	}
	return again
}

// written is a value as an event's text: ids and times come as numbers too.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool, int:
		return fmt.Sprint(v)
	}
	return string(encode(plain(v)))
}
