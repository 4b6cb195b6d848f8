package leads

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// joinedWorld has ada, to whom countess and a phone were joined, and bob.
func joinedWorld(t *testing.T) *world {
	w := newWorld(t)
	ada, countess, phone := schemas.NewLeadID("demo/ada"), schemas.NewLeadID("demo/countess"), schemas.NewLeadID("demo/phone")
	w.store(
		w.lead("ada", 40, func(r *pb.LeadRecord) {
			r.Joined = []*pb.JoinedID{{LeadId: countess[:], Id: "countess", Known: true, At: w.began.UnixMilli()}, {LeadId: phone[:], Id: "phone", At: w.began.UnixMilli()}}
			r.Proposals = []*pb.Proposal{{UserId: "countess"}, {UserId: "bob"}}
		}),
		w.lead("countess", 0, func(r *pb.LeadRecord) {
			r.MergedInto, r.Fit, r.Terms = ada[:], "X", nil
			r.Decisions = []*pb.Decision{{LeadId: ada[:], Id: "ada", Joined: true, At: 7, By: "anna <b>", Why: "same & address"}}
		}),
		w.lead("phone", 0, func(r *pb.LeadRecord) { r.MergedInto, r.Fit, r.Terms = countess[:], "X", nil }),
		w.lead("excluded", 1, func(r *pb.LeadRecord) { r.Fit = "X" }),
		w.lead("bob", 20, func(r *pb.LeadRecord) { r.UserId = "bob" }))
	return w
}

// No list has an id that was joined, whatever it is filtered and sorted by; whoever is ruled out stays in those that show them.
func TestJoinedIDsAreInNoList(t *testing.T) {
	w := joinedWorld(t)
	for _, query := range []string{"", "?sort=last_seen", "?sort=first_seen", "?grade=X,B", "?site=demo&track=default", "?limit=2000&format=csv"} {
		if query == "?limit=2000&format=csv" {
			_, body := w.get("/v1/leads" + query)
			require.NotContains(t, body, w.id("countess"))
			require.NotContains(t, body, w.id("phone"))
			continue
		}
		require.ElementsMatch(t, []string{"ada", "bob", "excluded"}, w.names(query), query)
	}
	_, body := w.get("/")
	require.Contains(t, body, w.id("ada"))
	require.NotContains(t, body, w.id("countess"))
	require.NotContains(t, body, w.id("phone"))
}

// Every old id leads to its lead, over as many joins as there were: its answer, explanation, timeline and page.
func TestOldIDsLeadToTheLead(t *testing.T) {
	w := joinedWorld(t)
	for _, old := range []string{"countess", "phone"} {
		var answer struct{ Lead Lead }
		w.read("/v1/leads/"+w.id(old), &answer)
		require.Equal(t, w.id("ada"), answer.Lead.ID)
		resp, _ := w.get("/v1/leads/" + w.id(old))
		require.Equal(t, "/v1/leads/"+w.id("ada"), resp.Header.Get("Content-Location"))
		var x schemas.Explanation
		w.read("/v1/leads/"+w.id(old)+"/explain", &x)
		require.Equal(t, 40.0, x.Score)
		w.read("/v1/leads/"+w.id(old)+"/timeline", &timelineAnswer{})
		resp, _ = w.get("/leads/" + w.id(old) + "?track=default")
		require.Equal(t, http.StatusFound, resp.StatusCode, "for now: it may be split again")
		require.Equal(t, "/leads/"+w.id("ada")+"?track=default", resp.Header.Get("Location"))
		joined := answer.Lead.Joined
		require.Equal(t, []string{"countess", "anna <b>", "same & address"}, []string{joined[0].ID, joined[0].By, joined[0].Why})
		require.Empty(t, joined[1].By, "events joined it")
		require.Equal(t, []Proposal{{w.id("bob"), "bob", "alias"}}, answer.Lead.Proposals, "who is joined already is not proposed")
	}
}

func TestProposalsSayWhoTheLeadsAre(t *testing.T) {
	w := newWorld(t)
	mail := func(r *pb.LeadRecord) { r.Email = "ada@engine.example" }
	w.store(w.user("ada", mail, func(r *pb.LeadRecord) { r.Name = "Ada L" }), w.user("countess", mail), w.user("bob"))
	for _, query := range []string{"", "?site=demo&limit=1", "?lead=" + w.id("ada")} {
		var answer struct{ Proposals []Pair }
		w.read("/v1/proposals"+query, &answer)
		require.Len(t, answer.Proposals, 1, query)
		p := answer.Proposals[0]
		require.ElementsMatch(t, []string{"ada", "countess"}, []string{p.LeadA.UserID, p.LeadB.UserID})
		require.Contains(t, []string{p.LeadA.Name, p.LeadB.Name}, "Ada L")
		require.Equal(t, []string{"email", "ada@engine.example"}, []string{p.Reason, p.Evidence})
	}
	for _, query := range []string{"?site=shop", "?lead=" + w.id("bob")} {
		var answer struct{ Proposals []Pair }
		w.read("/v1/proposals"+query, &answer)
		require.NotNil(t, answer.Proposals)
		require.Empty(t, answer.Proposals, query)
	}
	require.Len(t, w.refused("/v1/proposals?lead=x&limit=0&q=1", http.StatusBadRequest).Faults, 3)
}
