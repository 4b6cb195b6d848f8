package importer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetRows reads the plain columns of a file; those of lists and maps are left out.
type parquetRows struct {
	file    *os.File
	source  *source
	in      parquet.Rows
	groups  []parquet.RowGroup
	columns []parquetColumn // by leaf
	buffer  []parquet.Row
	have    []parquet.Row
	total   int64
	row     int64
}

type parquetColumn struct {
	name string // "" = not plain
	unit time.Duration
}

func openParquet(s *source) (rows, error) {
	f, err := parquet.OpenFile(s.file, s.size)
	if err != nil {
		return nil, fmt.Errorf("no Parquet file: %w", err)
	}
	p := &parquetRows{file: s.file, source: s, groups: f.RowGroups(), buffer: make([]parquet.Row, 256), total: f.NumRows()}
	for _, path := range f.Schema().Columns() {
		leaf, _ := f.Schema().Lookup(path...)
		column := parquetColumn{name: strings.Join(path, ".")}
		if leaf.MaxRepetitionLevel > 0 {
			column.name = ""
		}
		if logical := leaf.Node.Type().LogicalType(); logical != nil {
			switch kind := logical.Value.(type) {
			case *format.DateType:
				column.unit = 24 * time.Hour
			case *format.TimestampType:
				column.unit = kind.Unit.Value.Duration()
			}
		}
		p.columns = append(p.columns, column)
	}
	return p, nil
}

func (p *parquetRows) next() (map[string]any, int64, error) {
	for len(p.have) == 0 {
		if err := p.fill(); err != nil {
			return nil, p.row, err
		}
	}
	row := make(map[string]any, len(p.columns))
	for _, value := range p.have[0] {
		if column := p.columns[value.Column()]; column.name != "" {
			row[column.name] = plain(value, column.unit)
		}
	}
	p.have = p.have[1:]
	p.row++
	if p.total > 0 {
		p.source.read = p.source.size * p.row / p.total
	}
	return row, p.row, nil
}

func (p *parquetRows) fill() error {
	if p.in == nil {
		if len(p.groups) == 0 {
			return io.EOF
		}
		p.in, p.groups = p.groups[0].Rows(), p.groups[1:]
	}
	n, err := p.in.ReadRows(p.buffer)
	p.have = p.buffer[:n]
	if errors.Is(err, io.EOF) {
		err = p.in.Close()
		p.in = nil
	}
	return err
}

func (p *parquetRows) close() error { return p.file.Close() }

func plain(v parquet.Value, unit time.Duration) any {
	switch {
	case v.IsNull():
		return nil
	case unit == 24*time.Hour:
		return time.Unix(int64(v.Int32())*24*3600, 0)
	case unit == time.Millisecond:
		return time.UnixMilli(v.Int64())
	case unit == time.Microsecond:
		return time.UnixMicro(v.Int64())
	case unit == time.Nanosecond:
		return time.Unix(0, v.Int64())
	}
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32:
		return int64(v.Int32())
	case parquet.Int64:
		return v.Int64()
	case parquet.Float:
		return float64(v.Float())
	case parquet.Double:
		return v.Double()
	}
	text := string(v.ByteArray())
	if !utf8.ValidString(text) {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return text
}
