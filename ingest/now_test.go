package ingest

import (
	"strconv"
	"time"
)

func nowMs() string { return strconv.FormatInt(time.Now().UnixMilli(), 10) }
