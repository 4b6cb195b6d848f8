package model

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// FoldLedger folds one lead's ledger rows into its score as it was known at an
// instant: rows received later are left out, and so are those of all publications
// but the one that the row's id had gone over to by then. For an instant
// not before the lead's clock it equals Score bit for bit, whatever the order of
// the rows and however often they are repeated.
func FoldLedger(rows []*pb.LedgerRow, at int64) float64 { return FoldJoined(rows, at, nil) }

// FoldJoined is FoldLedger for a lead that ids were joined to: rows of all of them,
// each with the id it was written for, and for each id the last day whose limits
// are the id's own (Lead.Apart).
func FoldJoined(rows []*pb.LedgerRow, at int64, apart map[schemas.LeadID]int32) float64 {
	joined := map[string][]*pb.LedgerRow{}
	alone := map[schemas.LeadID]map[string][]*pb.LedgerRow{}
	inForce := map[schemas.LeadID]uint32{}
	for _, row := range rows {
		if row.Reason == ReasonPublished && row.ReceivedAt <= at {
			id := schemas.LeadID(row.LeadId)
			inForce[id] = max(inForce[id], schemas.PublicationOf(row.ModelVersion))
		}
	}
	for _, row := range rows {
		if schemas.PublicationOf(row.ModelVersion) != inForce[schemas.LeadID(row.LeadId)] {
			continue
		}
		if row.Reason != reasonOK && row.Reason != reasonCap || row.ReceivedAt > at {
			continue
		}
		into := joined
		if id := schemas.LeadID(row.LeadId); row.Day <= apart[id] && !row.Once {
			if into = alone[id]; into == nil {
				into = map[string][]*pb.LedgerRow{}
				alone[id] = into
			}
		}
		into[row.Rule] = append(into[row.Rule], row)
	}
	sums := map[string]float64{}
	groups := map[string]group{}
	addRows(sums, groups, joined, at)
	ids := slices.SortedFunc(maps.Keys(alone), func(a, b schemas.LeadID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range ids {
		addRows(sums, groups, alone[id], at)
	}
	total := 0.0
	for _, name := range sortedKeys(sums) {
		total += groups[name].clamp(sums[name])
	}
	return clamp(total, totalFloor, totalCap)
}

// addRows adds E(r, t) of every rule to its group's sum, in the order of rules.
func addRows(sums map[string]float64, groups map[string]group, byRule map[string][]*pb.LedgerRow, at int64) {
	for _, id := range sortedKeys(byRule) {
		rows := byRule[id]
		// The parameters are the same in all rows of a version; should versions be
		// mixed, the newest row's stand.
		r := slices.MaxFunc(rows, func(a, b *pb.LedgerRow) int {
			return cmp.Or(cmp.Compare(a.ReceivedAt, b.ReceivedAt), cmp.Compare(a.ModelVersion, b.ModelVersion))
		})
		sums[r.Group] += ledgerValue(rows, r, at)
		groups[r.Group] = group{r.Group, r.GroupCap, r.GroupFloor}
	}
}

// ledgerValue is E(r, t) of one rule's rows, by the arithmetic of Score.
func ledgerValue(rows []*pb.LedgerRow, r *pb.LedgerRow, at int64) float64 {
	days := map[int32]map[uint64]uint32{}
	for _, row := range rows {
		units := days[row.Day]
		if units == nil {
			units = map[uint64]uint32{}
			days[row.Day] = units
		}
		units[row.UnitKey] = max(units[row.UnitKey], row.Units)
	}
	order := sortedKeys(days)
	if r.Once {
		return onceValue(r.Points, order[0], r.HalfLife, at)
	}
	var acc accumulator
	fresh := 0.0
	for _, day := range order {
		n := uint64(0)
		for _, units := range days[day] {
			n += uint64(units)
		}
		v := float64(r.Points * float64(min(n, uint64(r.Limit))))
		if endOf(day) <= at {
			acc.add(v, int64(day)+1, r.HalfLife)
		} else {
			fresh += v
		}
	}
	return acc.at(at, r.HalfLife) + fresh
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
