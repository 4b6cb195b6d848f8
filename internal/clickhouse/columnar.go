package clickhouse

import (
	"github.com/ClickHouse/ch-go"
	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// Columnar are the same settings for ch-go, which clickhouse-go is built on and which inserts whole
// columns at a third of the client's cost a row. It dials one address: the first.
func (c Config) Columnar() (ch.Options, error) {
	options, err := c.Options()
	if err != nil {
		return ch.Options{}, err
	}
	return ch.Options{
		Address:     options.Addr[0],
		Database:    options.Auth.Database,
		User:        options.Auth.Username,
		Password:    options.Auth.Password,
		Compression: columnarCompressions[options.Compression.Method],
		DialTimeout: options.DialTimeout,
		ReadTimeout: options.ReadTimeout,
		TLS:         options.TLS,
		ClientName:  product.Name,
	}, nil
}

var columnarCompressions = map[driver.CompressionMethod]ch.Compression{
	driver.CompressionNone: ch.CompressionDisabled,
	driver.CompressionLZ4:  ch.CompressionLZ4,
	driver.CompressionZSTD: ch.CompressionZSTD,
}
