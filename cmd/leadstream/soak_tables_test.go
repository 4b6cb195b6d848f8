package main

import (
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// rowsOf reads every row of a query into what scan makes of it.
func rowsOf[T any](s *soak, query string, scan func(driver.Rows) (T, error)) (all []T) {
	s.t.Helper()
	rows, err := s.db.Query(s.t.Context(), query)
	require.NoError(s.t, err, query)
	defer rows.Close()
	for rows.Next() {
		row, err := scan(rows)
		require.NoError(s.t, err, query)
		all = append(all, row)
	}
	require.NoError(s.t, rows.Err(), query)
	return all
}

// ms are columns of instants as Unix milliseconds.
func ms(columns ...string) string {
	return "toUnixTimestamp64Milli(" + strings.Join(columns, "), toUnixTimestamp64Milli(") + ")"
}

// ledgerRows is table ledger as the records that made it.
func (s *soak) ledgerRows() []*pb.LedgerRow {
	return rowsOf(s, `SELECT lead_id, site, track, event_id, event_type, `+ms("event_time", "received_at")+`, toInt32(toUInt16(day)), rule, rule_group, interest,
		points, rule_limit, once, half_life_days, unit_key, units, counted, reason, model_version, group_cap, group_floor,
		source_topic, toInt32(source_partition), toInt64(source_offset) FROM ledger FINAL`,
		func(rows driver.Rows) (*pb.LedgerRow, error) {
			r, id := &pb.LedgerRow{Source: new(pb.Source)}, uuid.UUID{}
			err := rows.Scan(&id, &r.Site, &r.Track, &r.EventId, &r.EventType, &r.EventTime, &r.ReceivedAt, &r.Day, &r.Rule, &r.Group, &r.Interest,
				&r.Points, &r.Limit, &r.Once, &r.HalfLife, &r.UnitKey, &r.Units, &r.Counted, &r.Reason, &r.ModelVersion, &r.GroupCap, &r.GroupFloor,
				&r.Source.Topic, &r.Source.Partition, &r.Source.Offset)
			r.LeadId = id[:]
			return r, err
		})
}

// stageRows is table stage_log as the records that made it.
func (s *soak) stageRows() []*pb.StageRow {
	return rowsOf(s, `SELECT lead_id, site, track, from_stage, to_stage, `+ms("at")+`, entry_no, cause, cause_event_id, score, grade, criteria, sub_stage,
		model_version, amount, currency, why, direction, source_topic, toInt32(source_partition), toInt64(source_offset) FROM stage_log FINAL`,
		func(rows driver.Rows) (*pb.StageRow, error) {
			r, id := &pb.StageRow{Source: new(pb.Source)}, uuid.UUID{}
			err := rows.Scan(&id, &r.Site, &r.Track, &r.From, &r.To, &r.At, &r.EntryNo, &r.Cause, &r.CauseEventId, &r.Score, &r.Grade, &r.Criteria, &r.SubStage,
				&r.ModelVersion, &r.Amount, &r.Currency, &r.Why, &r.Direction, &r.Source.Topic, &r.Source.Partition, &r.Source.Offset)
			r.LeadId = id[:]
			return r, err
		})
}

// state is a row of lead_state: its columns as a record, the record that it carries, and where that stood.
type state struct {
	columns   *pb.LeadRecord
	record    string
	partition int32
	offset    int64
}

func (s *soak) states() []state {
	return rowsOf(s, `SELECT lead_id, site, track, revision, anonymous_id, user_id, name, email, company, country, traits, score, `+ms("scored_at")+`,
		toUInt32(engagement), fit, grade, stage, toUInt32(stage_order), sub_stage, `+ms("stage_since")+`, entry_no, `+ms("first_seen", "last_seen")+`,
		sessions, last_type, last_name, last_path, last_rule, flags,
		term_rule, term_group, term_interest, term_value, arrayMap(a -> toUnixTimestamp64Milli(a), term_anchor), term_half_life,
		group_name, group_cap, group_floor, bands, ifNull(toUnixTimestamp64Milli(falls_at), 0), falls_to, model_version, `+ms("received_at")+`,
		record, toInt32(kafka_partition), toInt64(kafka_offset) FROM lead_state FINAL`,
		func(rows driver.Rows) (state, error) {
			row, id := state{columns: new(pb.LeadRecord)}, uuid.UUID{}
			r, traits := row.columns, ""
			var rule, group, interest, bound []string
			var value, halfLife, most, least []float64
			var anchor []int64
			err := rows.Scan(&id, &r.Site, &r.Track, &r.Revision, &r.AnonymousId, &r.UserId, &r.Name, &r.Email, &r.Company, &r.Country, &traits, &r.Score, &r.ScoredAt,
				&r.Engagement, &r.Fit, &r.Grade, &r.Stage, &r.StageOrder, &r.SubStage, &r.StageSince, &r.EntryNo, &r.FirstSeen, &r.LastSeen,
				&r.Sessions, &r.LastType, &r.LastName, &r.LastPath, &r.LastRule, &r.Flags,
				&rule, &group, &interest, &value, &anchor, &halfLife,
				&bound, &most, &least, &r.Bands, &r.FallsAt, &r.FallsTo, &r.ModelVersion, &r.ReceivedAt,
				&row.record, &row.partition, &row.offset)
			r.LeadId, r.Traits = id[:], []byte(traits)
			for i := range rule {
				r.Terms = append(r.Terms, &pb.Term{Rule: rule[i], Group: group[i], Interest: interest[i], Value: value[i], Anchor: anchor[i], HalfLife: halfLife[i]})
			}
			for i := range bound {
				r.Groups = append(r.Groups, &pb.GroupBound{Name: bound[i], Cap: most[i], Floor: least[i]})
			}
			return row, err
		})
}

// scored is a row of a view of scores.
type scored struct {
	id    schemas.LeadID
	score float64
}

func (s *soak) scoresOf(view string, at time.Time) []scored {
	return rowsOf(s, "SELECT lead_id, score FROM "+view+"(at = '"+at.UTC().Format("2006-01-02 15:04:05.000")+"')", func(rows driver.Rows) (scored, error) {
		row, id := scored{}, uuid.UUID{}
		err := rows.Scan(&id, &row.score)
		row.id = schemas.LeadID(id)
		return row, err
	})
}

// eventIDs are the sites and ids of table events.
func (s *soak) eventIDs() []string {
	return rowsOf(s, "SELECT concat(site, '/', event_id) FROM events FINAL", func(rows driver.Rows) (id string, err error) {
		err = rows.Scan(&id)
		return id, err
	})
}

// fallsStored counts the leads that have fallen.
func (s *soak) fallsStored() int {
	n := rowsOf(s, "SELECT uniqExact(lead_id) FROM stage_log WHERE cause = 'timer'", func(rows driver.Rows) (n uint64, err error) {
		err = rows.Scan(&n)
		return n, err
	})
	return int(n[0])
}
