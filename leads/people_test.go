package leads

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/embedded/embeddedtest"
	"leadstream/internal/kafka"
	"leadstream/leads/owner"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// ear hears what owners of leads are told.
type ear struct {
	t      *testing.T
	client *kgo.Client
}

// owners gives the world a real teller over a real broker.
func (w *world) owners() *ear {
	w.t.Helper()
	cfg := kafka.DefaultConfig()
	cfg.Brokers = embeddedtest.Broker(w.t)
	client, err := kafka.NewClient(cfg, zap.NewNop(), owner.KafkaOpts()...)
	require.NoError(w.t, err)
	w.t.Cleanup(client.Close)
	var topics []kafka.Topic
	for _, name := range []string{schemas.TopicEvents, schemas.TopicRouted} {
		topics = append(topics, kafka.Topic{Name: name, Partitions: 3, Replication: 1})
	}
	require.NoError(w.t, kafka.EnsureTopics(w.t.Context(), client, topics))
	client.AddConsumeTopics(schemas.TopicRouted)
	w.service.deps.Owners = owner.New(client)
	return &ear{w.t, client}
}

// hears waits for the next letter: to whose home it is, and what it says.
func (e *ear) hears() (home string, verdict *pb.Verdict) {
	e.t.Helper()
	for {
		records := e.client.PollRecords(e.t.Context(), 1).Records()
		if len(records) == 0 {
			require.NoError(e.t, e.t.Context().Err())
			continue
		}
		var routed pb.Routed
		require.NoError(e.t, proto.Unmarshal(records[0].Value, &routed))
		id := schemas.NewLeadID(string(records[0].Key))
		require.Equal(e.t, id[:], routed.LeadId)
		return string(records[0].Key), routed.GetVerdict()
	}
}

// say posts a word on two ids.
func (w *world) say(id, word, body string, status int, into any) {
	w.t.Helper()
	resp, err := w.client.Post(w.web.URL+"/v1/leads/"+id+"/"+word, "application/json", strings.NewReader(body))
	require.NoError(w.t, err)
	defer resp.Body.Close()
	require.NoError(w.t, decodeJSON(resp.Body, into))
	require.Equal(w.t, status, resp.StatusCode, "%+v", into)
}

func (w *world) refusedWord(id, word, body string, status int) refusal {
	w.t.Helper()
	var no refusal
	w.say(id, word, body, status, &no)
	return no
}

func other(id string) string { return `{"lead":"` + id + `"}` }

// user is a lead that a user's id made.
func (w *world) user(name string, change ...func(*pb.LeadRecord)) *pb.LeadRecord {
	return w.lead(name, 10, append([]func(*pb.LeadRecord){func(r *pb.LeadRecord) { r.UserId, r.AnonymousId = name, "" }}, change...)...)
}

func TestAMergeIsToldToTheIDThatGoes(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "unavailable", w.refusedWord(w.id("ada"), "merge", other(w.id("bob")), http.StatusServiceUnavailable).Word)
	ear := w.owners()
	young := func(r *pb.LeadRecord) { r.FirstSeen = w.ago(time.Hour) }
	w.store(w.user("ada"), w.user("countess", young))
	w.store(w.lead("phone", 5, func(r *pb.LeadRecord) { r.AnonymousId = "phone"; r.FirstSeen = w.ago(100 * time.Hour) }))

	var answer identityAnswer
	w.say(w.id("ada"), "merge", `{"lead":"`+w.id("countess")+`","why":"same address","by":"anna"}`, http.StatusAccepted, &answer)
	require.Equal(t, w.id("ada"), answer.LeadID, "the one that was seen first stays")
	require.Equal(t, w.id("countess"), answer.OtherID)
	require.Equal(t, "anna (this machine)", answer.By)
	require.Contains(t, answer.Message, w.id("countess"))
	home, verdict := ear.hears()
	require.Equal(t, "demo/countess", home)
	require.Equal(t, "demo/ada", verdict.Key)
	require.True(t, verdict.Joined)
	require.Equal(t, []string{"anna (this machine)", "same address"}, []string{verdict.By, verdict.Why})

	w.say(w.id("phone"), "merge", other(w.id("countess")), http.StatusAccepted, &answer)
	home, verdict = ear.hears()
	require.Equal(t, []string{"demo/phone", "demo/countess"}, []string{home, verdict.Key}, "a visitor goes to a user, however old")
}

func TestASplitIsToldToTheIDThatComesBack(t *testing.T) {
	w := newWorld(t)
	ear := w.owners()
	ada, countess, phone := schemas.NewLeadID("demo/ada"), schemas.NewLeadID("demo/countess"), schemas.NewLeadID("demo/phone")
	future := time.Now().Add(time.Hour).UnixMilli()
	w.store(
		w.user("ada", func(r *pb.LeadRecord) {
			r.UserId = "countess" // the newest of the joined ids
			r.Own = &pb.JoinedID{LeadId: ada[:], Id: "ada", Known: true}
			r.Joined = []*pb.JoinedID{{LeadId: countess[:], Id: "countess", Known: true}, {LeadId: phone[:], Id: "phone"}}
		}),
		w.user("countess", func(r *pb.LeadRecord) {
			r.MergedInto, r.Fit = ada[:], "X"
			r.Decisions = []*pb.Decision{{LeadId: ada[:], Id: "ada", Joined: true, At: future, By: "anna", Why: "same address"}}
		}),
		w.lead("phone", 0, func(r *pb.LeadRecord) { r.AnonymousId, r.MergedInto, r.Fit = "phone", countess[:], "X" }),
		w.user("bob"))

	var answer identityAnswer
	w.say(w.id("ada"), "split", other(w.id("countess")), http.StatusAccepted, &answer)
	home, verdict := ear.hears()
	require.Equal(t, []string{"demo/countess", "demo/ada"}, []string{home, verdict.Key})
	require.False(t, verdict.Joined)
	require.Greater(t, verdict.At, future, "newer than what it takes back, whatever the clocks say")
	w.say(w.id("phone"), "split", other(w.id("phone")), http.StatusConflict, &refusal{})
	w.say(w.id("ada"), "split", other(w.id("phone")), http.StatusAccepted, &answer)
	home, verdict = ear.hears()
	require.Equal(t, []string{"demo/phone", "demo/countess"}, []string{home, verdict.Key}, "told of the id that it was joined to itself")

	w.say(w.id("phone"), "merge", other(w.id("countess")), http.StatusOK, &answer)
	require.True(t, answer.Done, "they are one lead")
	require.Equal(t, w.id("ada"), answer.LeadID)
	require.Equal(t, "joined", w.refusedWord(w.id("phone"), "refuse", other(w.id("ada")), http.StatusConflict).Word)
	require.Equal(t, "not_joined", w.refusedWord(w.id("ada"), "split", other(w.id("bob")), http.StatusConflict).Word)
	require.Equal(t, "not_joined", w.refusedWord(w.id("phone"), "split", other(w.id("ada")), http.StatusConflict).Word)
	w.say(w.id("bob"), "refuse", other(w.id("countess")), http.StatusAccepted, &answer)
	home, verdict = ear.hears()
	require.ElementsMatch(t, []string{"demo/bob", "demo/ada"}, []string{home, verdict.Key})
	require.False(t, verdict.Joined)
}

func TestAWordThatMakesNoSenseIsRefusedInASentence(t *testing.T) {
	w := newWorld(t)
	w.owners()
	w.store(w.user("ada"), w.user("bob", func(r *pb.LeadRecord) { r.Site = "shop" }))
	for _, word := range []string{"merge", "split", "refuse"} {
		require.Equal(t, "unknown_lead", w.refusedWord(w.id("ada"), word, other(w.id("nobody")), http.StatusNotFound).Word)
		require.Equal(t, "unknown_lead", w.refusedWord(w.id("nobody"), word, other(w.id("ada")), http.StatusNotFound).Word)
		require.Equal(t, "unknown_lead", w.refusedWord("nonsense", word, other(w.id("ada")), http.StatusNotFound).Word)
		require.Equal(t, "same_lead", w.refusedWord(w.id("ada"), word, other(w.id("ada")), http.StatusConflict).Word)
		require.Equal(t, "other_site", w.refusedWord(w.id("ada"), word, other(w.id("bob")), http.StatusConflict).Word)
		no := w.refusedWord(w.id("ada"), word+"?site=demo", `{"lead":"x","why":"`+strings.Repeat("y", 501)+`"}`, http.StatusBadRequest)
		require.Len(t, no.Faults, 3, "every fault at once: %v", no.Faults)
		for _, body := range []string{``, `[]`, `{"laed":"x"}`, `{"lead":"x"}{}`, strings.Repeat(" ", maxWordBody+1)} {
			require.Equal(t, "bad_parameters", w.refusedWord(w.id("ada"), word, body, http.StatusBadRequest).Word, body)
		}
	}
}

// A page of another site cannot make a reader's browser change anything here.
func TestAnotherSitesPageChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.owners()
	w.store(w.user("ada"), w.user("bob"))
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		for method, path := range map[string]string{http.MethodPost: "/v1/leads/" + w.id("ada") + "/merge", http.MethodDelete: "/v1/leads/" + w.id("ada")} {
			r, err := http.NewRequestWithContext(t.Context(), method, w.web.URL+path, strings.NewReader(other(w.id("bob"))))
			require.NoError(t, err)
			r.Header.Set(header, value)
			resp, err := w.client.Do(r)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusForbidden, resp.StatusCode, header)
		}
	}
}

func TestWhoDecidesNeedsAToken(t *testing.T) {
	w := newWorld(t, withToken)
	require.Equal(t, "unauthorized", w.refusedWord(w.id("ada"), "merge", other(w.id("bob")), http.StatusUnauthorized).Word)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.web.URL, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+secretToken)
	require.Regexp(t, "^token [0-9a-f]{8}$", w.service.door.who(r))
}
