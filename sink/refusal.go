package sink

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

// Every reason for which a record does not become a row. The dead letter and
// the counter wear the same word.
const (
	reasonUndecodable = "undecodable" // not the protobuf message of its topic
	reasonIncomplete  = "incomplete"  // without what the table's key is made of
	reasonBadJSON     = "bad_json"    // properties are not a JSON object
	reasonRejected    = "rejected"    // ClickHouse cannot take this row, alone
)

var reasons = []string{reasonUndecodable, reasonIncomplete, reasonBadJSON, reasonRejected}

// refusal is one record's way to dead-letter.
type refusal struct {
	reason string
	err    error
}

func refuse(reason, format string, args ...any) *refusal {
	return &refusal{reason, fmt.Errorf(format, args...)}
}

func decode(rec *kgo.Record, into proto.Message) *refusal {
	if err := proto.Unmarshal(rec.Value, into); err != nil {
		return refuse(reasonUndecodable, "not a %s: %w", into.ProtoReflect().Descriptor().FullName(), err)
	}
	return nil
}

func checkLead(lead []byte, site string) *refusal {
	if len(lead) != 16 || site == "" {
		return refuse(reasonIncomplete, "a row needs a site and a lead_id of 16 bytes (site %q, lead_id %x)", site, lead)
	}
	return nil
}

// validText makes an error's text fit for protobuf: servers quote bytes that are no text.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
