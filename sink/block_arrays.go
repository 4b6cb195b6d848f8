package sink

import (
	"math"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/uuid"
)

// array adds an Array column of n elements a row; put appends element i to data.
func array[R, T any](b *block[R], name string, data proto.ColumnOf[T], n func(*R) int, put func(*R, int)) {
	arr := proto.NewArray(data)
	b.column(name, arr, func(r *R) {
		for i := range n(r) {
			put(r, i)
		}
		arr.Offsets = append(arr.Offsets, uint64(data.Rows()))
	})
}

func (b *block[R]) labels(name string, n func(*R) int, get func(*R, int) string) {
	data := new(proto.ColStr).LowCardinality()
	array(b, name, proto.ColumnOf[string](data), n, func(r *R, i int) { data.Append(b.clamped.label(get(r, i))) })
}

func (b *block[R]) floats(name string, n func(*R) int, get func(*R, int) float64) {
	data := new(proto.ColFloat64)
	array(b, name, proto.ColumnOf[float64](data), n, func(r *R, i int) { data.Append(b.clamped.float(get(r, i))) })
}

func (b *block[R]) u32s(name string, n func(*R) int, get func(*R, int) uint32) {
	data := new(proto.ColUInt32)
	array(b, name, proto.ColumnOf[uint32](data), n, func(r *R, i int) { data.Append(get(r, i)) })
}

func (b *block[R]) uuids(name string, n func(*R) int, get func(*R, int) [16]byte) {
	data := new(proto.ColUUID)
	array(b, name, proto.ColumnOf[uuid.UUID](data), n, func(r *R, i int) { data.Append(get(r, i)) })
}

func (b *block[R]) instants(name string, n func(*R) int, get func(*R, int) int64) {
	data := new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli).Raw()
	array(b, name, proto.ColumnOf[proto.DateTime64](data), n, func(r *R, i int) {
		data.AppendRaw(proto.DateTime64(b.clamped.millis(get(r, i))))
	})
}

// days are Dates from days since 1970.
func (b *block[R]) days(name string, n func(*R) int, get func(*R, int) int32) {
	data := new(proto.ColDate)
	array(b, name, proto.ColumnOf[time.Time](data), n, func(r *R, i int) {
		*data = append(*data, proto.Date(b.clamped.number(int64(get(r, i)), math.MaxUint16)))
	})
}
