package importer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/transform"
)

// rows hands out a file's rows one by one. A badRow is one that cannot be read; the next call goes on behind it.
type rows interface {
	next() (row map[string]any, line int64, err error)
	close() error
}

// badRow is why one row became no event.
type badRow struct{ error }

// source is an open file and how far it was read.
type source struct {
	file *os.File
	size int64
	read int64
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.file.Read(p)
	s.read += int64(n)
	return n, err
}

// openRows finds out the format and begins at the first row.
func openRows(path string, m Map) (rows, *source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	s := &source{file: f, size: info.Size()}
	made, err := s.rows(path, m)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return made, s, nil
}

func (s *source) rows(path string, m Map) (rows, error) {
	format := m.Format
	name := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(filepath.Base(path)), ".gz"), ".zst")
	if format == "" {
		switch filepath.Ext(name) {
		case ".csv", ".tsv", ".txt":
			format = "csv"
		case ".ndjson", ".jsonl", ".json":
			format = "ndjson"
		case ".parquet":
			format = "parquet"
		default:
			return nil, errors.New("the name does not say the format: write format: csv, ndjson or parquet into the map")
		}
	}
	if format == "parquet" {
		return openParquet(s)
	}
	plain, err := unpacked(s)
	if err != nil {
		return nil, err
	}
	if format == "ndjson" {
		return &jsonRows{in: bufio.NewReaderSize(plain, 64<<10), file: s.file}, nil
	}
	return openCSV(plain, s, m.CSV)
}

// unpacked undoes gzip and zstd, known by their first bytes.
func unpacked(s *source) (io.Reader, error) {
	in := bufio.NewReaderSize(s, 256<<10)
	head, _ := in.Peek(4) // a shorter file is not packed
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzip.NewReader(in)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	}
	return in, nil
}

type csvRows struct {
	in    *csv.Reader
	file  *os.File
	names []string
}

func openCSV(plain io.Reader, s *source, c CSV) (rows, error) {
	enc, err := c.encoding()
	if err != nil {
		return nil, err
	}
	if strings.ToLower(c.Encoding) != "utf-8" && strings.ToLower(c.Encoding) != "utf8" {
		plain = transform.NewReader(plain, enc.NewDecoder())
	}
	text := bufio.NewReader(plain)
	if mark, _ := text.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = text.Discard(3) // they were just seen
	}
	r := csv.NewReader(text)
	r.Comma, _ = utf8.DecodeRuneInString(c.Delimiter)
	if c.Delimiter == "tab" {
		r.Comma = '\t'
	}
	r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = c.Lenient, -1, true
	out := &csvRows{in: r, file: s.file, names: c.Names}
	if c.Header {
		head, err := r.Read()
		if err != nil {
			return nil, fmt.Errorf("the header cannot be read: %w", err)
		}
		out.names = make([]string, len(head))
		for i, name := range head {
			out.names[i] = strings.TrimSpace(name)
		}
	}
	return out, nil
}

func (c *csvRows) next() (map[string]any, int64, error) {
	record, err := c.in.Read()
	var no *csv.ParseError
	switch {
	case errors.As(err, &no):
		return nil, int64(no.StartLine), badRow{no.Err}
	case err != nil:
		return nil, 0, err
	}
	line, _ := c.in.FieldPos(0)
	if len(record) != len(c.names) {
		return nil, int64(line), badRow{fmt.Errorf("%d values for %d columns", len(record), len(c.names))}
	}
	row := make(map[string]any, len(record))
	for i, value := range record {
		if !utf8.ValidString(value) {
			return nil, int64(line), badRow{fmt.Errorf("%s: %.40q is not UTF-8: name the file's encoding in csv.encoding", c.names[i], value)}
		}
		row[c.names[i]] = value
	}
	return row, int64(line), nil
}

func (c *csvRows) close() error { return c.file.Close() }

type jsonRows struct {
	in   *bufio.Reader
	file *os.File
	line int64
}

// longestLine bounds a line that never ends.
const longestLine = 4 << 20

func (j *jsonRows) next() (map[string]any, int64, error) {
	for {
		line, err := j.readLine()
		if err != nil {
			return nil, j.line, err
		}
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")))
		if len(line) == 0 {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber() // an id may have more digits than a float
		var row map[string]any
		if err := d.Decode(&row); err != nil || row == nil {
			return nil, j.line, badRow{errors.New("the line is no JSON object")}
		}
		return settle(row).(map[string]any), j.line, nil
	}
}

// settle makes numbers ones that expressions can work with, as long as nothing of them is lost: an id of 20 digits stays text.
func settle(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
		if f, err := v.Float64(); err == nil && len(v) <= 16 {
			return f
		}
		return v.String()
	case map[string]any:
		for name := range v {
			v[name] = settle(v[name])
		}
	case []any:
		for i := range v {
			v[i] = settle(v[i])
		}
	}
	return value
}

func (j *jsonRows) readLine() (line []byte, err error) {
	for {
		part, err := j.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) < longestLine:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("line %d is longer than %d bytes", j.line+1, longestLine)
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			j.line++
			return line, nil
		}
		return nil, err
	}
}

func (j *jsonRows) close() error { return j.file.Close() }
