package hooks

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// decodeXML makes of Tencent's XML what decode makes of JSON: elements by name, lists where a name repeats, text at the ends.
// Entities beyond XML's five are refused by the library, so there is nothing to expand.
func decodeXML(text string) (map[string]any, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return nil, errors.New("it has no element")
		}
		if _, ok := token.(xml.StartElement); !ok {
			continue
		}
		v, err := element(d, 1)
		if err != nil {
			return nil, err
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil, errors.New("its element holds no others")
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return m, rest(d)
		}
		return m, nil
	}
}

// rest takes white space and comments for nothing, and all else for a fault.
func rest(d *xml.Decoder) error {
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := token.(xml.StartElement); ok {
			return errors.New("it has two elements at the top")
		}
	}
}

func element(d *xml.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, errors.New("it is nested too deeply")
	}
	var inner strings.Builder
	var members map[string]any
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.CharData:
			inner.Write(token)
		case xml.StartElement:
			v, err := element(d, depth+1)
			if err != nil {
				return nil, err
			}
			if members == nil {
				members = map[string]any{}
			}
			insert(members, token.Name.Local, v)
		case xml.EndElement:
			if members != nil {
				return members, nil
			}
			return inner.String(), nil
		}
	}
}

func insert(members map[string]any, name string, v any) {
	switch before := members[name].(type) {
	case nil:
		members[name] = v
	case []any:
		members[name] = append(before, v)
	default:
		members[name] = []any{before, v}
	}
}
