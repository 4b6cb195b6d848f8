package erase

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"leadstream/schemas"
)

// ErrUnknown says that no store of rows knows the lead.
var ErrUnknown = errors.New("no lead has this id")

// Person is one person by every id that the tables know of. Devices of the person count whole: what an anonymous visitor did
// on a device is the person's as soon as the person has said who they are there.
type Person struct {
	Site         string   `json:"site"`
	LeadIDs      []string `json:"lead_ids"`
	AnonymousIDs []string `json:"anonymous_ids"`
	UserIDs      []string `json:"user_ids"`
	Emails       []string `json:"emails"`
}

// Find gathers a person's ids, beginning with a lead's id in its text form.
func Find(ctx context.Context, db driver.Conn, lead string) (Person, error) {
	var p Person
	if err := p.begin(ctx, db, lead); err != nil {
		return Person{}, err
	}
	if err := p.devices(ctx, db); err != nil {
		return Person{}, err
	}
	p.complete(lead)
	if err := p.joined(ctx, db); err != nil {
		return Person{}, err
	}
	return p, p.emails(ctx, db)
}

// joined adds the ids that count for one lead with those that are known: by a person's word, also where no event names both.
func (p *Person) joined(ctx context.Context, db driver.Conn) error {
	const ask = `SELECT groupUniqArray(toString(lead_id)), groupUniqArrayIf(anonymous_id, anonymous_id != ''), groupUniqArrayIf(user_id, user_id != '') FROM lead_state
WHERE site = $1 AND (lead_id IN ($2) OR toString(merged_into) IN ($2) OR hasAny(arrayMap(l -> toString(l), joined_leads), $2))`
	for known := 0; known < len(p.LeadIDs); { // until nothing new is found: joined ids have devices, and those are joined
		known = len(p.LeadIDs)
		var leads, visitors, users []string
		if err := db.QueryRow(ctx, ask, p.Site, p.LeadIDs).Scan(&leads, &visitors, &users); err != nil {
			return fmt.Errorf("erase: look for joined ids: %w", err)
		}
		p.LeadIDs, p.AnonymousIDs, p.UserIDs = append(p.LeadIDs, leads...), append(p.AnonymousIDs, visitors...), append(p.UserIDs, users...)
		if err := p.devices(ctx, db); err != nil {
			return err
		}
		p.complete("")
	}
	return nil
}

// Known is a person by the ids that somebody gives, for a search after an erasure, when no table can tell any more.
func Known(p Person, lead string) Person {
	p.complete(lead)
	return p
}

// begin finds the site and the lead's own ids.
func (p *Person) begin(ctx context.Context, db driver.Conn, lead string) error {
	const ask = `SELECT site, groupUniqArrayIf(anonymous_id, anonymous_id != ''), groupUniqArrayIf(user_id, user_id != '') FROM
(SELECT site, anonymous_id, user_id FROM lead_state WHERE lead_id = toUUID($1) UNION ALL SELECT site, anonymous_id, user_id FROM events WHERE lead_id = toUUID($1))
GROUP BY site`
	rows, err := db.Query(ctx, ask, lead)
	if err != nil {
		return fmt.Errorf("erase: look for lead %s: %w", lead, err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&p.Site, &p.AnonymousIDs, &p.UserIDs); err != nil {
			return fmt.Errorf("erase: look for lead %s: %w", lead, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("erase: look for lead %s: %w", lead, err)
	}
	if p.Site == "" {
		return ErrUnknown
	}
	return nil
}

// devices adds every anonymous id under which one of the person's user ids was seen.
func (p *Person) devices(ctx context.Context, db driver.Conn) error {
	if len(p.UserIDs) == 0 {
		return nil
	}
	const ask = `SELECT arrayFilter(a -> a != '', groupUniqArray(anonymous_id)) FROM
(SELECT anonymous_id FROM identities WHERE site = $1 AND user_id IN ($2) UNION ALL SELECT anonymous_id FROM events WHERE site = $1 AND user_id IN ($2))`
	var more []string
	if err := db.QueryRow(ctx, ask, p.Site, p.UserIDs).Scan(&more); err != nil {
		return fmt.Errorf("erase: look for the devices: %w", err)
	}
	p.AnonymousIDs = append(p.AnonymousIDs, more...)
	return nil
}

// complete derives the lead ids, and puts all in order.
func (p *Person) complete(lead string) {
	if lead != "" {
		p.LeadIDs = append(p.LeadIDs, lead)
	}
	for _, id := range p.AnonymousIDs {
		p.LeadIDs = append(p.LeadIDs, schemas.NewLeadID(schemas.EventKey(p.Site, id, "")).String())
	}
	for _, id := range p.UserIDs {
		p.LeadIDs = append(p.LeadIDs, schemas.NewLeadID(schemas.EventKey(p.Site, "", id)).String())
	}
	for _, list := range []*[]string{&p.LeadIDs, &p.AnonymousIDs, &p.UserIDs, &p.Emails} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}

// emails are only searched for: nothing is deleted because of an address, which two people may share.
func (p *Person) emails(ctx context.Context, db driver.Conn) error {
	err := db.QueryRow(ctx, `SELECT arraySort(groupUniqArrayIf(email, email != '')) FROM lead_state WHERE lead_id IN ($1)`, p.LeadIDs).Scan(&p.Emails)
	if err != nil {
		return fmt.Errorf("erase: look for addresses: %w", err)
	}
	return nil
}
