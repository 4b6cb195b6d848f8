package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/leads"
	"leadstream/schemas"
)

const fitHook = `ingest:
  hooks:
    - kind: generic
      name: crm
      site: demo
      secret: change-me-0123456789abcdef
      map:
        type: track
        name: '"lead_enriched"'
        id: body.id
        user_id: lower(body.mail)
        traits: {email: lower(body.mail), role: body.title, company: body.firm.name, industry: body.firm.branch, employees: body.firm.heads, country: body.firm.land}
`

const fitImport = `site: demo
time: {column: at, format: "2006-01-02 15:04:05", zone: UTC}
columns: {type: kind, user_id: mail, traits.email: mail, traits.role: role, traits.company: firm, traits.industry: branch, traits.employees: heads, traits.country: land}
`

// TestFitComesFromWebhooksAndImports: what a CRM says of a person by a webhook, on any event, and what stands in the columns of a file
// grade the lead as if a browser had said it, texts of CSV where numbers are meant included.
func TestFitComesFromWebhooksAndImports(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	h.up(t, "--config", write("hooks.yml", fitHook))

	for status, secret := range map[int]string{http.StatusUnauthorized: "not-the-secret-at-all", http.StatusOK: "change-me-0123456789abcdef"} {
		body := `{"id":"1","mail":"Ada@Acme.example","title":"Head of production","firm":{"name":"Acme","branch":"Ceramics","heads":420,"land":"DE"}}`
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url("ingest-listen", "/hooks/generic/crm"), strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("X-Hook-Secret", secret)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, status, response.StatusCode)
	}
	h.requireFit(t, "ada@acme.example", "A")

	yesterday := time.Now().Add(-24 * time.Hour).UTC().Format(time.DateTime)
	file := write("crm.csv", "at,kind,mail,role,firm,branch,heads,land\n"+
		fmt.Sprintf("%s,identify,bob@globex.example,Purchasing manager,Globex,Glass,64,FR\n", yesterday)+ // 30 and 25 by 0.8
		fmt.Sprintf("%s,page,eve@gmail.com,Intern,,,2,\n", yesterday)) // unfit, and known to be; of the rest nothing
	status, out, errs := runWords(t, append([]string{"import", file, "--map", write("map.yml", fitImport)}, h.flags()...)...)
	require.Zero(t, status, "%s%s", out, errs)
	h.requireFit(t, "bob@globex.example", "A")
	h.requireFit(t, "eve@gmail.com", "D")
	require.Zero(t, h.stop())
}

// requireFit asks for a person's lead as a salesperson's list does.
func (h *house) requireFit(t *testing.T, user, letter string) {
	t.Helper()
	id := schemas.NewLeadID(schemas.EventKey("demo", "", user)).String()
	var answer struct{ Lead leads.Lead }
	require.Eventually(t, func() bool {
		return h.getJSON(t, "/v1/leads/"+id, &answer) == http.StatusOK && answer.Lead.Grade != ""
	}, time.Minute, 50*time.Millisecond, user)
	require.Equal(t, letter, answer.Lead.Fit, "%s: %+v", user, answer.Lead)
	require.Equal(t, letter, answer.Lead.Grade[:1])
}
