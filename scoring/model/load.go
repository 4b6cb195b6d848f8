package model

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"leadstream/schemas/pb"
	"math"
	"regexp"
	"slices"
)

// defaultFile is model.example.yml of the repository's root, which a test holds
// to be the same bytes: embedding reaches no file outside the package.
//
//go:embed default.yml
var defaultFile []byte

// Default is the model that runs when none is configured: model.example.yml.
func Default() *Model {
	m, err := Load(defaultFile, "model.example.yml")
	if err != nil { // TestDefault loads it
		panic("model: the built-in model does not load: " + err.Error())
	}
	return m
}

// DefaultText is the built-in model's file.
func DefaultText() []byte { return slices.Clone(defaultFile) }

// Bounds of a model. maxLimit also bounds the sets kept of a rule and day.
const (
	maxRules    = 256
	maxGroups   = 16
	maxStages   = 16
	maxFlags    = 16
	maxLimit    = 1000
	maxPoints   = 100
	minHalfLife = minDays * msDay
)

// loader carries a file's parts from one section to the next.
type loader struct {
	m   *Model
	ids map[string]string // id -> where it was first used
}

// Load reads a model file. The error, if any, is a *Faults with every fault in it.
func Load(data []byte, filename string) (*Model, error) {
	root, doc := parseYAML(data, filename)
	if root == nil {
		return nil, doc.faults
	}
	m := &Model{track: "main", byType: map[string]*typeRules{}, ruleIndex: map[string]int32{}, leadNeeds: needs{}, asked: map[string]bool{}}
	ld := &loader{m: m, ids: map[string]string{}}
	file := value{doc, "", root}.object("version", "name", "track", "groups", "bands", "rules", "flags", "fit", "stages")
	ld.head(file, data)
	ld.groups(file)
	ld.bands(file)
	ld.rules(file)
	ld.flags(file)
	ld.fit(file)
	ld.stages(file)
	if len(doc.faults.List) > 0 {
		doc.faults.sort()
		return nil, doc.faults
	}
	m.evaluators.New = func() any { return m.newEvaluator() }
	for _, g := range m.groups {
		m.bounds = append(m.bounds, &pb.GroupBound{Name: g.name, Cap: g.cap, Floor: g.floor})
	}
	return m, nil
}

// head reads what the file says of itself.
func (ld *loader) head(file object, data []byte) {
	if v, ok := file.field("version"); !ok {
		file.fault("version is missing: write version: 1")
	} else if n, ok := v.number(); ok && n != 1 {
		v.fault("this program reads version 1 (got %v)", n)
	}
	name := "unnamed"
	if v, ok := file.field("name"); ok {
		name = ld.id(v, "")
	} else {
		file.fault("name is missing: it stands in every row this model writes")
	}
	if v, ok := file.field("track"); ok {
		ld.m.track = ld.id(v, "")
	}
	sum := sha256.Sum256(data)
	ld.m.version = name + "@" + hex.EncodeToString(sum[:4])
}

// MaxName is how long a name or id may be.
const MaxName = 48

var idForm = regexp.MustCompile(fmt.Sprintf(`^[a-z][a-z0-9_]{0,%d}$`, MaxName-1))

// id reads a name; with a kind it must be the only one of that kind.
func (ld *loader) id(v value, kind string) string {
	id, ok := v.text()
	if !ok {
		return ""
	}
	if !idForm.MatchString(id) {
		v.fault("%.60q is no id: a letter, then letters, digits and _, all small, 48 at most", id)
		return ""
	}
	if kind == "" {
		return id
	}
	if first, taken := ld.ids[kind+" "+id]; taken {
		v.fault("%q is taken by %s: a %s's id must be its own", id, first, kind)
	}
	ld.ids[kind+" "+id] = v.path
	return id
}

// idOf reads an item's id, which it must have.
func (ld *loader) idOf(o object, kind string) string {
	v, ok := o.field("id")
	if !ok {
		o.fault("id is missing")
		return ""
	}
	return ld.id(v, kind)
}

// defaultGroup takes the rules that name no group.
const defaultGroup = "general"

func (ld *loader) groups(file object) {
	m := ld.m
	if v, ok := file.field("groups"); ok {
		all := v.object()
		for name := range all.fields {
			g, ok := all.field(name)
			if !ok { // `content:` with nothing behind it: the default bounds
				g = value{v.doc, v.path + "." + name, all.fields[name]}
			}
			if !idForm.MatchString(name) {
				g.fault("%.60q is no id: a letter, then letters, digits and _, all small, 48 at most", name)
			}
			o := g.object("cap", "floor")
			m.groups = append(m.groups, group{
				name:  name,
				cap:   number(o, "cap", 0, 1000, totalCap),
				floor: number(o, "floor", -1000, 0, totalFloor),
			})
		}
	}
	if !slices.ContainsFunc(m.groups, func(g group) bool { return g.name == defaultGroup }) {
		m.groups = append(m.groups, group{defaultGroup, totalCap, totalFloor})
	}
	if len(m.groups) > maxGroups {
		file.fault("groups: %d are too many, %d is the most", len(m.groups), maxGroups)
	}
	slices.SortFunc(m.groups, func(a, b group) int { return cmp.Compare(a.name, b.name) })
}

func (ld *loader) bands(file object) {
	m := ld.m
	m.bands = [3]float64{75, 50, 25}
	v, ok := file.field("bands")
	if !ok {
		return
	}
	items := v.list()
	if len(items) != len(m.bands) {
		v.fault("want three lower bounds, the hottest first, like [75, 50, 25] (got %d)", len(items))
		return
	}
	for i, item := range items {
		n, ok := item.number()
		if !ok {
			return
		}
		if math.IsNaN(n) || n <= 0 || n > 100 || i > 0 && n >= m.bands[i-1] {
			item.fault("bands fall from one to the next and lie in 0..100 (got %v)", n)
		}
		m.bands[i] = n
	}
}

// typeRules are the rules and flags under one event type.
func (ld *loader) typeRules(kind string) *typeRules {
	t := ld.m.byType[kind]
	if t == nil {
		t = &typeRules{needs: needs{}}
		ld.m.byType[kind] = t
	}
	return t
}
