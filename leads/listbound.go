package leads

import "strings"

// A list by score need not add up every lead. lead_state has, beside a score's parts, an upper bound of their sum at any
// instant in a few small columns (migration 0014 says how, and why it holds). So:
//
//  1. the rows whose bound of the instant is highest, a few times as many as are asked for, are added up;
//  2. the last score that would fit on the page, among those, is a score that the page's true last one is not below;
//  3. the leads whose bound reaches it are added up: nobody else can be on the page.
//
// Both look at every row without FINAL: a lead's newest revision is among its rows, and what an older one lets in the
// outer query, which says FINAL and repeats every condition, sorts out again.

// boundColumn is the bound; the same formula stands in view hot_leads.
const boundColumn = `least(100., bound_most, bound_keep + bound_fade * exp2(-greatest(0, toUnixTimestamp64Milli({as_of:DateTime64(3, 'UTC')}) - toUnixTimestamp64Milli(bound_from)) / 86400000 / greatest(bound_half_life, 0.000001)))`

// boundSlack is more than sums in another order can differ by.
const boundSlack = "0.000001"

// mayReach is the condition that a lead can be on the page.
func (c *conditions) mayReach(after bool) string {
	maybe := append([]string{}, c.stored...)
	if after {
		// Of a later page: a bound below the former page's last score is a score below it.
		maybe = append(maybe, boundColumn+" <= reinterpretAsFloat64({after_key:UInt64})")
	}
	// A page that is not full ends no list: then everyone may be on it.
	worst := `
    (
      SELECT if(count() < {limit:UInt64}, (-1000., toDateTime64(0, 3, 'UTC')), min((score, last_seen)))
      FROM
      (
        SELECT score, last_seen
        FROM leads_at(at = {as_of:DateTime64(3, 'UTC')})
        WHERE ` + and(8, c.stored, c.scored, []string{`(site, track, lead_id) IN
          (
            SELECT site, track, lead_id
            FROM lead_state
            WHERE ` + and(12, maybe) + `
            ORDER BY ` + boundColumn + ` DESC, last_seen DESC
            LIMIT 4 * {limit:UInt64}
          )`}) + `
        ORDER BY score DESC, last_seen DESC, lead_id, track
        LIMIT {limit:UInt64}
      )
    )`
	// At the clamp of 100 no bound is higher, and the newer last_seen decides.
	return `(site, track, lead_id) IN
  (
    WITH` + worst + ` AS worst, ` + boundColumn + ` AS at_most
    SELECT site, track, lead_id
    FROM lead_state
    WHERE ` + and(4, c.stored, []string{"at_most + " + boundSlack + " >= worst.1", "(worst.1 < 100 OR last_seen >= worst.2)"}) + `
  )`
}

// and joins conditions, a line each.
func and(indent int, lists ...[]string) string {
	var all []string
	for _, list := range lists {
		all = append(all, list...)
	}
	return strings.Join(all, "\n"+strings.Repeat(" ", indent+2)+"AND ")
}
