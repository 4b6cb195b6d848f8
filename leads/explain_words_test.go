package leads

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// A lead that is ruled out says why in words, in both languages, with the whole explanation below the sentence.
func TestFlagsAreNamedInWords(t *testing.T) {
	w := newWorld(t)
	w.store(w.lead("staff", 90, func(r *pb.LeadRecord) { r.Fit, r.Flags = "X", []string{"employee"} }))
	var x schemas.Explanation
	w.read("/v1/leads/"+w.id("staff")+"/explain", &x)
	require.Equal(t, []schemas.StageName{{ID: "employee", EN: "Works for us", ZH: "本公司员工"}}, x.Flags)
	require.Equal(t, "All of it.", x.Details)
	for lang, say := range map[string][]string{
		"en": {"Works for us", "All of it.", "asked for a demo", "Read the docs"},
		"zh": {"本公司员工", "全部内容。", "申请演示", "阅读文档"},
	} {
		body := w.page("/leads/"+w.id("staff"), lang, http.StatusOK)
		for _, text := range say {
			require.Contains(t, body, text)
		}
		require.NotContains(t, body, ">employee<", "an id is for programs")
	}
}

// What the explanation holds and what openapi.yaml promises are the same names, all the way down.
func TestOpenAPIDescribesTheExplanation(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas map[string]property `yaml:"schemas"`
		} `yaml:"components"`
	}
	require.NoError(t, yaml.Unmarshal(schemas.OpenAPI, &doc))
	names := doc.Components.Schemas
	var same func(path string, of reflect.Type, p property)
	same = func(path string, of reflect.Type, p property) {
		if _, name, ok := strings.Cut(p.Ref, "#/components/schemas/"); ok {
			p = names[name]
		}
		for of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() == reflect.Slice {
			require.NotNil(t, p.Items, path)
			same(path+"[]", of.Elem(), *p.Items)
			return
		}
		if of.Kind() != reflect.Struct || of.PkgPath() == "time" {
			return
		}
		var fields []string
		for i := range of.NumField() {
			f := of.Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields = append(fields, key)
			if inner, ok := p.Properties[key]; ok {
				same(path+"."+key, f.Type, inner)
			}
		}
		var described []string
		for key := range p.Properties {
			described = append(described, key)
		}
		slices.Sort(fields)
		slices.Sort(described)
		require.Equal(t, fields, described, path)
	}
	same("Explanation", reflect.TypeFor[schemas.Explanation](), names["Explanation"])
}

// property is a schema of openapi.yaml.
type property struct {
	Ref        string              `yaml:"$ref"`
	Properties map[string]property `yaml:"properties"`
	Items      *property           `yaml:"items"`
}
