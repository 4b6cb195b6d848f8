package telemetry

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// NewLogger writes to out, which several goroutines may then share. The config must be valid.
//
// There is no sampling: this log says little (a line a start, a line a fault), and the line that sampling drops is the one
// that explains the night.
func NewLogger(c LogConfig, out io.Writer) *zap.Logger {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		level = zapcore.InfoLevel // not reached with a valid config; a wrong level is no reason to be silent
	}
	sink := zapcore.Lock(zapcore.AddSync(out))
	return zap.New(zapcore.NewCore(encoder(c.Format), sink, level), zap.ErrorOutput(sink))
}

func encoder(format string) zapcore.Encoder {
	if format == "json" {
		c := zap.NewProductionEncoderConfig()
		c.TimeKey = "time"
		c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
		c.EncodeDuration = zapcore.SecondsDurationEncoder // base units, as in the metrics
		return zapcore.NewJSONEncoder(c)
	}
	c := zap.NewDevelopmentEncoderConfig()
	c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	c.EncodeLevel = zapcore.CapitalLevelEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	c.ConsoleSeparator = "  "
	return zapcore.NewConsoleEncoder(c)
}
