package schemas

import (
	"strconv"
	"strings"
)

// ReasonPublished is the reason of a ledger row that marks a lead's going over to a published model:
// from its received_at on, the rows of that publication are the lead's score.
const ReasonPublished = "published"

// PublicationOf reads the number of the publication out of a model's version, which is
// name@hash, or name@hash.number when it was published; 0 = it was not.
func PublicationOf(version string) uint32 {
	_, hash, _ := strings.Cut(version, "@")
	_, number, _ := strings.Cut(hash, ".")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
