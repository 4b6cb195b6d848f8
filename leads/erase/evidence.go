package erase

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Evidence is one row of `erasures`: what one store had, and what a search found afterwards.
type Evidence struct {
	Store      string     `json:"store"`
	FinishedAt time.Time  `json:"finished_at"`
	Removed    uint64     `json:"removed"`
	Remaining  uint64     `json:"remaining"`
	Searched   bool       `json:"searched"`
	GoneBy     *time.Time `json:"gone_by"`
	Detail     string     `json:"detail"`
}

// digest is how evidence speaks of a lead without naming it: SQL finds it by SHA256('the id').
func digest(lead string) string {
	sum := sha256.Sum256([]byte(lead))
	return string(sum[:])
}

// mark writes the digests of the person's leads. From then on the sink writes no row of what was received before.
func mark(ctx context.Context, db driver.Conn, r *Request) error {
	batch, err := db.PrepareBatch(ctx, "INSERT INTO erased_leads (site, lead_digest, request_id, until)")
	if err != nil {
		return fmt.Errorf("erase: mark the leads: %w", err)
	}
	defer batch.Close()
	for _, lead := range r.Person.LeadIDs {
		if err := batch.Append(r.Person.Site, digest(lead), r.ID, r.Until()); err != nil {
			return fmt.Errorf("erase: mark the leads: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("erase: mark the leads: %w", err)
	}
	return nil
}

// note writes evidence. Repeating it gives the same rows again, and the newest is the word that counts.
func note(ctx context.Context, db driver.Conn, r *Request, rows ...Evidence) error {
	batch, err := db.PrepareBatch(ctx, "INSERT INTO erasures (site, request_id, store, lead_digest, asked_at, asked_by, finished_at, removed, remaining, searched, gone_by, detail)")
	if err != nil {
		return fmt.Errorf("erase: write evidence: %w", err)
	}
	defer batch.Close()
	for _, e := range rows {
		if err := batch.Append(r.Person.Site, r.ID, e.Store, digest(r.Lead), r.AskedAt, r.AskedBy, e.FinishedAt, e.Removed, e.Remaining, e.Searched, e.GoneBy, e.Detail); err != nil {
			return fmt.Errorf("erase: write evidence: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("erase: write evidence: %w", err)
	}
	return nil
}

// Read is the evidence of one request by store; none if there was no such request, or nothing is done yet.
func Read(ctx context.Context, db driver.Conn, request string) ([]Evidence, error) {
	rows, err := db.Query(ctx, `SELECT store, finished_at, removed, remaining, searched, gone_by, detail
FROM erasures FINAL WHERE request_id = $1 ORDER BY store`, request)
	if err != nil {
		return nil, fmt.Errorf("erase: read evidence: %w", err)
	}
	defer rows.Close()
	list := []Evidence{}
	for rows.Next() {
		var e Evidence
		if err := rows.Scan(&e.Store, &e.FinishedAt, &e.Removed, &e.Remaining, &e.Searched, &e.GoneBy, &e.Detail); err != nil {
			return nil, fmt.Errorf("erase: read evidence: %w", err)
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// finishedStore is the row that says that a request is finished; it is written last.
const finishedStore = "request"

// Finished tells whether evidence is that of a finished request: every step was done, and every table searched after it.
func Finished(list []Evidence) bool {
	for _, e := range list {
		if e.Store == finishedStore {
			return true
		}
	}
	return false
}
