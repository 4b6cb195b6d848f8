package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
)

func written(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// table reads a whole file: rows, and "line: why" for those that cannot be read.
func table(t *testing.T, path string, m Map) (list []map[string]any, bad []string) {
	t.Helper()
	in, s, err := openRows(path, m)
	require.NoError(t, err)
	defer in.close()
	for {
		row, line, err := in.next()
		var no badRow
		switch {
		case errors.Is(err, io.EOF):
			require.LessOrEqual(t, s.read, s.size)
			return list, bad
		case errors.As(err, &no):
			bad = append(bad, fmt.Sprintf("%d: %v", line, no))
		default:
			require.NoError(t, err)
			list = append(list, row)
		}
	}
}

func TestCSVAsTheyComeOutOfOffices(t *testing.T) {
	m := DefaultMap()
	list, bad := table(t, written(t, "a.csv", []byte("\xef\xbb\xbfmail, name\r\na@x.example,\"Lee, \"\"Bea\"\"\nof Acme\"\r\nshort\r\nb@x.example,stray\"quote\r\nc@x.example,Cleo\r\n")), m)
	require.Equal(t, []map[string]any{{"mail": "a@x.example", "name": "Lee, \"Bea\"\nof Acme"}, {"mail": "c@x.example", "name": "Cleo"}}, list)
	require.Equal(t, []string{"4: 1 values for 2 columns", `5: bare " in non-quoted-field`}, bad, "lines of the file, and the next row is read")

	m.CSV = CSV{Delimiter: ";", Names: []string{"mail", "city"}, Encoding: "windows-1252"}
	list, _ = table(t, written(t, "b.csv", []byte("a;K\xf6ln\n")), m)
	require.Equal(t, "Köln", list[0]["city"])
	m.CSV.Encoding = "utf-8"
	_, bad = table(t, written(t, "b.csv", []byte("a;K\xf6ln\n")), m)
	require.Contains(t, bad[0], "csv.encoding")
	m.CSV = CSV{Delimiter: "tab", Header: true, Encoding: "gb18030"}
	list, _ = table(t, written(t, "c.tsv", []byte("id\t\xb3\xc7\xca\xd0\n1\t\xb1\xb1\xbe\xa9\n")), m)
	require.Equal(t, map[string]any{"id": "1", "城市": "北京"}, list[0])
}

func TestNDJSONPlainAndPacked(t *testing.T) {
	text := []byte(`{"id":12345678901234567890,"n":7,"x":1.5,"deep":{"a":1}}` + "\n\nnonsense\n[1]\n" + `{"id":"last"}`)
	var zipped, squeezed bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	_, _ = zw.Write(text)
	require.NoError(t, zw.Close())
	sw, err := zstd.NewWriter(&squeezed)
	require.NoError(t, err)
	_, _ = sw.Write(text)
	require.NoError(t, sw.Close())
	for name, b := range map[string][]byte{"a.ndjson": text, "a.jsonl.gz": zipped.Bytes(), "a.ndjson.zst": squeezed.Bytes()} {
		list, bad := table(t, written(t, name, b), DefaultMap())
		require.Equal(t, []map[string]any{{"id": "12345678901234567890", "n": 7, "x": 1.5, "deep": map[string]any{"a": 1}}, {"id": "last"}}, list, name)
		require.Equal(t, []string{"3: the line is no JSON object", "4: the line is no JSON object"}, bad)
	}
	_, _, err = openRows(written(t, "a.xlsx", nil), DefaultMap())
	require.ErrorContains(t, err, "the name does not say the format")
}

func TestParquet(t *testing.T) {
	type visit struct {
		Mail  string    `parquet:"mail"`
		At    time.Time `parquet:"at,timestamp(microsecond)"`
		Day   int32     `parquet:"day,date"`
		Count int64     `parquet:"count"`
		Worth *float64  `parquet:"worth,optional"`
		Tags  []string  `parquet:"tags"`
	}
	at, worth := time.Date(2025, 3, 4, 10, 0, 0, 123000, time.UTC), 9.5
	var b bytes.Buffer
	w := parquet.NewGenericWriter[visit](&b)
	for i := range 1000 {
		v := visit{Mail: fmt.Sprint("m", i), At: at, Day: 20151, Count: int64(i)}
		if i == 1 {
			v.Worth, v.Tags = &worth, []string{"a", "b"}
		}
		_, err := w.Write([]visit{v})
		require.NoError(t, err)
		if i == 500 {
			require.NoError(t, w.Flush()) // a second row group
		}
	}
	require.NoError(t, w.Close())
	list, bad := table(t, written(t, "a.parquet", b.Bytes()), DefaultMap())
	require.Empty(t, bad)
	require.Len(t, list, 1000)
	require.Equal(t, "m999", list[999]["mail"])
	require.True(t, at.Equal(list[1]["at"].(time.Time)))
	require.Equal(t, "2025-03-04", list[1]["day"].(time.Time).UTC().Format(time.DateOnly))
	require.Equal(t, []any{int64(1), 9.5}, []any{list[1]["count"], list[1]["worth"]})
	require.Nil(t, list[0]["worth"])
	require.NotContains(t, list[1], "tags", "a list is no column")
	_, _, err := openRows(written(t, "b.parquet", []byte("PAR1 not")), DefaultMap())
	require.ErrorContains(t, err, "no Parquet file")
}

func TestAMapsFaultsComeAllAtOnce(t *testing.T) {
	_, err := LoadMap("testdata/map.bad.yml")
	for _, want := range []string{
		"map.bad.yml:2", "format", "map.bad.yml:5", "Europe/Nowhere", "map.bad.yml:7", "dance", "map.bad.yml:9", "usr_id",
		"map.bad.yml:11", "cannot be compiled", "map.bad.yml:12", "colour",
	} {
		require.ErrorContains(t, err, want)
	}
}

func mapped(t *testing.T, m Map, row map[string]any) (map[string]any, error) {
	t.Helper()
	x, err := newMapper(m, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	text, err := x.event(row)
	if err != nil || text == nil {
		return nil, err
	}
	var event map[string]any
	require.NoError(t, json.Unmarshal(text, &event))
	return event, nil
}

func TestARowBecomesAnEvent(t *testing.T) {
	m := DefaultMap()
	m.Site = "shop"
	m.Time = Time{Column: "when", Format: "02.01.2006 15:04", Zone: "Europe/Berlin"}
	m.Constants = map[string]string{"type": "track", "properties.source": "crm"}
	m.Columns = map[string]string{"user_id": "mail", "traits.name": "name"}
	m.Expressions = map[string]string{"name": `row.kind == "1" ? "Demo" : "Call"`, "properties.amount": "float(row.amount) / 100"}
	m.Skip = `row.mail == ""`
	row := map[string]any{"when": "04.07.2025 10:00", "mail": "bea@acme.example", "name": "", "kind": "1", "amount": "1250"}
	event, err := mapped(t, m, row)
	require.NoError(t, err)
	at := float64(time.Date(2025, 7, 4, 8, 0, 0, 0, time.UTC).UnixMilli())
	require.Equal(t, []any{at, at}, []any{event["timestamp"], event["received_at"]}, "summer in Berlin; as if it had been live")
	require.Equal(t, map[string]any{"source": "crm", "amount": 12.5}, event["properties"])
	require.Equal(t, []any{"Demo", "bea@acme.example", nil}, []any{event["name"], event["user_id"], event["traits"]})
	again, err := mapped(t, m, row)
	require.NoError(t, err)
	require.Equal(t, event, again, "and the same id")
	require.Regexp(t, "^import-[0-9a-f]{32}$", event["event_id"])
	row["amount"] = "1251"
	other, err := mapped(t, m, row)
	require.NoError(t, err)
	require.NotEqual(t, event["event_id"], other["event_id"])

	for want, change := range map[string]map[string]any{
		"no time": {"when": ""}, "is no time like": {"when": "2025-07-04"}, "in the future": {"when": "04.07.2027 10:00"},
		"before 2000": {"when": "04.07.1970 10:00"}, "properties.amount": {"amount": "much"},
	} {
		broken := map[string]any{"when": "04.07.2025 10:00", "mail": "x", "name": "", "kind": "", "amount": "1"}
		for k, v := range change {
			broken[k] = v
		}
		_, err := mapped(t, m, broken)
		require.ErrorContains(t, err, want)
	}
	_, err = mapped(t, m, map[string]any{"when": "04.07.2025 10:00", "mail": "x"})
	require.ErrorContains(t, err, `no column "name"`)
	row["mail"] = ""
	event, err = mapped(t, m, row)
	require.NoError(t, err)
	require.Nil(t, event, "passed over")
}
