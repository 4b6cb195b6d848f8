package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/leads"
	"leadstream/schemas"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// Two users with one address are proposed, merged by the API, and split again: first one lead with the score of all events, the
// other id leading there, then both scores as they were, bit for bit.
func TestPeopleAreMergedAndSplitInARunningHouse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.up(t)
	now := time.Now()
	ada, countess := schemas.NewLeadID("demo/ada-1815"), schemas.NewLeadID("demo/countess-1835")
	var events []string
	for i, user := range []string{"ada-1815", "countess-1835"} {
		events = append(events, fmt.Sprintf(`{"event_id":"id-%d","type":"identify","user_id":%q,"timestamp":%d,"traits":{"email":"ada@engine.example"}}`, i, user, now.UnixMilli()))
		for n, path := range []string{"/pricing", "/pricing", "/docs/export", "/demo", "/blog/1"}[i:] {
			events = append(events, fmt.Sprintf(`{"event_id":"p-%d-%d","type":"page","user_id":%q,"view_id":"v-%d-%d","timestamp":%d,"url":"http://shop.example%s"}`, i, n, user, i, n, now.UnixMilli()-int64(n), path))
		}
	}
	require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key=demo", `{"events":[`+strings.Join(events, ",")+`]}`))
	far := now.Add(40 * 24 * time.Hour).UnixMilli()
	require.Eventually(t, func() bool {
		played := h.playedAnew(t, far)
		return h.rows(t, "events") == len(events) && len(played) == 2 && played[ada] == h.scores(t, far)[ada] && played[countess] == h.scores(t, far)[countess]
	}, 2*time.Minute, 200*time.Millisecond)
	before := h.scores(t, far)
	require.Positive(t, before[ada])
	require.Positive(t, before[countess])
	var open struct{ Proposals []leads.Pair }
	require.Equal(t, http.StatusOK, h.getJSON(t, "/v1/proposals?lead="+ada.String(), &open))
	require.Len(t, open.Proposals, 1)
	require.Equal(t, []string{"email", "ada@engine.example"}, []string{open.Proposals[0].Reason, open.Proposals[0].Evidence})

	stay := h.say(t, countess.String(), "merge", ada.String())
	leave := countess.String()
	if stay == leave {
		leave = ada.String()
	}
	var told struct{ Lead leads.Lead }
	require.Eventually(t, func() bool {
		return h.getJSON(t, "/v1/leads/"+leave, &told) == http.StatusOK && told.Lead.ID == stay && len(told.Lead.Joined) == 1 && told.Lead.Joined[0].By != ""
	}, time.Minute, 100*time.Millisecond)
	require.Equal(t, []string{leave, "anna (this machine)", "same address"}, []string{told.Lead.Joined[0].LeadID, told.Lead.Joined[0].By, told.Lead.Joined[0].Why})
	var list struct{ Leads []leads.Lead }
	require.Eventually(t, func() bool {
		return h.getJSON(t, "/v1/leads", &list) == http.StatusOK && len(list.Leads) == 1 && len(h.scores(t, far)) == 1
	}, time.Minute, 100*time.Millisecond, "nobody is in the list twice")
	require.Equal(t, http.StatusOK, h.getJSON(t, "/v1/leads/"+leave+"/explain", new(json.RawMessage)))
	union, err := schemas.ParseLeadID(stay)
	require.NoError(t, err)
	require.Equal(t, map[schemas.LeadID]float64{union: h.scores(t, far)[union]}, h.playedAnew(t, far), "the score of all their events together, bit for bit")
	require.NotEqual(t, before[union], h.scores(t, far)[union])
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := client.Get(h.url("leads-listen", "/leads/"+leave))
	require.NoError(t, err)
	require.NoError(t, page.Body.Close())
	require.Equal(t, "/leads/"+stay, page.Header.Get("Location"))
	require.Equal(t, http.StatusOK, h.getJSON(t, "/v1/proposals", &open))
	require.Empty(t, open.Proposals)
	require.Equal(t, stay, h.say(t, ada.String(), "merge", countess.String()), "again changes nothing")

	h.requireSplit(t, stay, leave, far, before)
	require.Zero(t, h.stop())
}

// requireSplit cuts an id off again, and wants both scores as they were, bit for bit.
func (h *house) requireSplit(t *testing.T, stay, leave string, far int64, before map[schemas.LeadID]float64) {
	t.Helper()
	require.Equal(t, stay, h.say(t, stay, "split", leave))
	require.Eventually(t, func() bool {
		var list struct{ Leads []leads.Lead }
		return h.getJSON(t, "/v1/leads", &list) == http.StatusOK && len(list.Leads) == 2 && reflect.DeepEqual(before, h.scores(t, far))
	}, time.Minute, 100*time.Millisecond, "as they were, bit for bit")
	require.Equal(t, before, h.playedAnew(t, far))
	var open struct{ Proposals []leads.Pair }
	require.Equal(t, http.StatusOK, h.getJSON(t, "/v1/proposals", &open))
	require.Empty(t, open.Proposals, "who was split is not proposed again")
	require.Equal(t, stay, h.say(t, stay, "split", leave), "again changes nothing")
}

// say says a word on two leads and returns which one it says to stay.
func (h *house) say(t *testing.T, lead, word, other string) (stays string) {
	t.Helper()
	resp, err := http.Post(h.url("leads-listen", "/v1/leads/"+lead+"/"+word), "application/json", strings.NewReader(fmt.Sprintf(`{"lead":%q,"why":"same address","by":"anna"}`, other)))
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct {
		LeadID  string `json:"lead_id"`
		Done    bool   `json:"done"`
		Message string `json:"message"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	want := http.StatusAccepted
	if answer.Done {
		want = http.StatusOK
	}
	require.Equal(t, want, resp.StatusCode, answer.Message)
	return answer.LeadID
}

// scores are those that the workers' records have, of leads that stand for themselves.
func (h *house) scores(t *testing.T, at int64) map[schemas.LeadID]float64 {
	t.Helper()
	m, scores := model.Default(), map[schemas.LeadID]float64{}
	for id, r := range h.states(t) {
		if len(r.MergedInto) > 0 {
			continue
		}
		lead, err := m.Restore(r)
		require.NoError(t, err)
		scores[id] = m.Score(lead, at)
	}
	return scores
}

// played are those that table events gives when it is played anew, all ids of a person as one lead.
func (h *house) playedAnew(t *testing.T, at int64) map[schemas.LeadID]float64 {
	t.Helper()
	m, scores := model.Default(), map[schemas.LeadID]float64{}
	err := storedHistory{conn: h.connect(t), people: true}.source(t.Context(), 0, 1, func(hist replay.History) error {
		hist.Arrange()
		if lead := replay.Play(m, hist, at, nil); lead != nil {
			scores[hist.ID] = m.Score(lead, at)
		}
		return nil
	})
	require.NoError(t, err)
	return scores
}
