package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// setScalar parses text into v. The error says what would have been right and repeats what was there.
func setScalar(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("%w (got %q)", err, text)
		}
		return nil
	}
	switch {
	case v.Type() == durationType:
		return setDuration(v, text)
	case v.Kind() == reflect.String:
		v.SetString(text)
		return nil
	case v.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("must be true or false (got %q)", text)
		}
		v.SetBool(text == "true")
		return nil
	case v.CanInt():
		return setInt(v, text)
	case v.CanUint():
		return setUint(v, text)
	default:
		return setFloat(v, text)
	}
}

func setInt(v reflect.Value, text string) error {
	n, err := strconv.ParseInt(text, 10, v.Type().Bits())
	if err != nil {
		lowest := int64(math.MinInt64) >> (64 - v.Type().Bits())
		return fmt.Errorf("must be a whole number from %d to %d (got %q)", lowest, -(lowest + 1), text)
	}
	v.SetInt(n)
	return nil
}

func setUint(v reflect.Value, text string) error {
	n, err := strconv.ParseUint(text, 10, v.Type().Bits())
	if err != nil {
		highest := uint64(math.MaxUint64) >> (64 - v.Type().Bits())
		return fmt.Errorf("must be a whole number from 0 to %d (got %q)", highest, text)
	}
	v.SetUint(n)
	return nil
}

// setFloat refuses NaN and infinities: every comparison with NaN is false, so it would pass most range checks written as "not below".
func setFloat(v reflect.Value, text string) error {
	x, err := strconv.ParseFloat(text, v.Type().Bits())
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || strings.ContainsAny(text, "xX_") {
		return fmt.Errorf("must be a number such as 0.25 (got %q)", text)
	}
	v.SetFloat(x)
	return nil
}

func setDuration(v reflect.Value, text string) error {
	d, err := parseDuration(text)
	if err != nil {
		return fmt.Errorf("must be a duration with its unit, such as 100ms, 30s, 24h or 7d (got %q)", text)
	}
	v.SetInt(int64(d))
	return nil
}

// parseDuration is time.ParseDuration plus whole days in front, since half-lives and retentions are thought of in days.
func parseDuration(text string) (time.Duration, error) {
	before, rest, found := strings.Cut(text, "d")
	if !found {
		return time.ParseDuration(text)
	}
	days, err := strconv.ParseUint(before, 10, 16) // 65535 days is 179 years; time.Duration holds 292
	if err != nil {
		return 0, err
	}
	d := time.Duration(days) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 || d+more < d {
		return 0, fmt.Errorf("bad duration %q", text)
	}
	return d + more, nil
}

// setText fills a scalar, or a list of scalars from its comma separated form; it is how the environment and --set write values.
func setText(v reflect.Value, text string) error {
	if isScalar(v.Type()) {
		return setScalar(v, text)
	}
	if v.Kind() != reflect.Slice || !isScalar(v.Type().Elem()) {
		return fmt.Errorf("can only be set in the YAML file (it is a %s)", kindWord(v.Type()))
	}
	list := reflect.MakeSlice(v.Type(), 0, 1)
	if strings.TrimSpace(text) != "" {
		for word := range strings.SplitSeq(text, ",") {
			item := reflect.New(v.Type().Elem()).Elem()
			if err := setScalar(item, strings.TrimSpace(word)); err != nil {
				return err
			}
			list = reflect.Append(list, item)
		}
	}
	v.Set(list)
	return nil
}

// kindWord names a type in an operator's words.
func kindWord(t reflect.Type) string {
	switch {
	case isScalar(t):
		return "single value"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Map:
		return "map of named entries"
	}
	return "section of keys"
}
