package sink

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"
)

// block is one table's rows as columns, in the form that ClickHouse's native
// protocol sends: encoding them once, here, is a third of the price of handing
// rows to a driver (research: 2.2 us a row against 6.4).
//
// A table is declared as a list of columns, each with the function that reads
// its value from a row, so that name, type and source stand in one line.
type block[R any] struct {
	name    string
	columns proto.Input
	fill    []func(*R)
	count   int
	// received_at of each row, for the freshness histogram.
	received []int64
	clamped  *clamps
}

// table is a block without its row type: what the inserter needs.
type table interface {
	tableName() string
	rows() int
	input() proto.Input
	receivedAt() []int64
	reset()
}

func newBlock[R any](name string, clamped *clamps) *block[R] {
	return &block[R]{name: name, clamped: clamped}
}

func (b *block[R]) tableName() string   { return b.name }
func (b *block[R]) rows() int           { return b.count }
func (b *block[R]) input() proto.Input  { return b.columns }
func (b *block[R]) receivedAt() []int64 { return b.received }

func (b *block[R]) reset() {
	b.columns.Reset()
	b.received = b.received[:0]
	b.count = 0
}

// add appends one row to every column.
func (b *block[R]) add(row *R, receivedAt int64) {
	for _, fill := range b.fill {
		fill(row)
	}
	b.received = append(b.received, receivedAt)
	b.count++
}

func (b *block[R]) column(name string, data proto.ColInput, fill func(*R)) {
	b.columns = append(b.columns, proto.InputColumn{Name: name, Data: data})
	b.fill = append(b.fill, fill)
}

// label is LowCardinality(String): the dictionary is built here, not on the server.
func (b *block[R]) label(name string, get func(*R) string) {
	data := new(proto.ColStr).LowCardinality()
	b.column(name, data, func(r *R) { data.Append(b.clamped.label(get(r))) })
}

func (b *block[R]) text(name string, get func(*R) string) {
	data := new(proto.ColStr)
	b.column(name, data, func(r *R) { data.Append(b.clamped.text(get(r))) })
}

// bytes is String that nobody reads as text; it is kept whole.
func (b *block[R]) bytes(name string, get func(*R) []byte) {
	data := new(proto.ColStr)
	b.column(name, data, func(r *R) { data.AppendBytes(get(r)) })
}

// json is JSON, sent as text: the server takes it apart. The caller has checked that it is an object.
func (b *block[R]) json(name string, get func(*R) []byte) {
	data := new(proto.ColJSONStr)
	b.column(name, data, func(r *R) { data.AppendBytes(get(r)) })
}

func (b *block[R]) uuid(name string, get func(*R) [16]byte) {
	data := new(proto.ColUUID)
	b.column(name, data, func(r *R) { data.Append(get(r)) })
}

// instant is DateTime64(3) from Unix milliseconds.
func (b *block[R]) instant(name string, get func(*R) int64) {
	data := new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli)
	b.column(name, data, func(r *R) { data.AppendRaw(proto.DateTime64(b.clamped.millis(get(r)))) })
}

// instantOrNull is Nullable(DateTime64(3)); 0 is NULL.
func (b *block[R]) instantOrNull(name string, get func(*R) int64) {
	data := proto.NewColNullable[proto.DateTime64](new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli).Raw())
	b.column(name, data, func(r *R) {
		at := get(r)
		data.Append(proto.Nullable[proto.DateTime64]{Set: at != 0, Value: proto.DateTime64(b.clamped.millis(at))})
	})
}

// day is Date from days since 1970.
func (b *block[R]) day(name string, get func(*R) int32) {
	data := new(proto.ColDate)
	b.column(name, data, func(r *R) {
		*data = append(*data, proto.Date(b.clamped.number(int64(get(r)), math.MaxUint16)))
	})
}

func (b *block[R]) u8(name string, get func(*R) uint32) {
	data := new(proto.ColUInt8)
	b.column(name, data, func(r *R) { data.Append(uint8(b.clamped.number(int64(get(r)), math.MaxUint8))) })
}

func (b *block[R]) u16(name string, get func(*R) int32) {
	data := new(proto.ColUInt16)
	b.column(name, data, func(r *R) { data.Append(uint16(b.clamped.number(int64(get(r)), math.MaxUint16))) })
}

func (b *block[R]) u32(name string, get func(*R) uint32) {
	data := new(proto.ColUInt32)
	b.column(name, data, func(r *R) { data.Append(get(r)) })
}

func (b *block[R]) u64(name string, get func(*R) uint64) {
	data := new(proto.ColUInt64)
	b.column(name, data, func(r *R) { data.Append(get(r)) })
}

// offset is UInt64 from Kafka's signed offsets.
func (b *block[R]) offset(name string, get func(*R) int64) {
	data := new(proto.ColUInt64)
	b.column(name, data, func(r *R) { data.Append(uint64(b.clamped.number(get(r), math.MaxInt64))) })
}

func (b *block[R]) flag(name string, get func(*R) bool) {
	data := new(proto.ColBool)
	b.column(name, data, func(r *R) { data.Append(get(r)) })
}

func (b *block[R]) float(name string, get func(*R) float64) {
	data := new(proto.ColFloat64)
	b.column(name, data, func(r *R) { data.Append(b.clamped.float(get(r))) })
}
