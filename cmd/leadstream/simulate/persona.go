package simulate

import "math/rand/v2"

// Persona is one kind of visitor: how often it occurs, what it does, and what
// must become of it under the default model.
type Persona struct {
	Name   string
	Weight int
	// Visits of one person, each a list of steps in order.
	script func(r *rand.Rand) [][]step
	// The answers that are known beforehand.
	Expect Expect
}

// Expect is what the default model makes of a persona that has just ended its
// last visit.
type Expect struct {
	// Stages in which the person may stand.
	Stages []string
	// Bounds of the score right after the traffic.
	Min, Max float64
}

// A step is one thing that happens in a visit; secs is how long it takes.
type step struct {
	kind  string // page, read, scroll, click, download, form, identify, track
	path  string
	name  string
	secs  int
	props map[string]any
}

func page(path string, secs int) step { return step{kind: "page", path: path, secs: secs} }

func read(path string, secs int) []step {
	return []step{page(path, secs), {kind: "read", path: path, secs: secs}, {kind: "scroll", path: path}}
}

// Personas are all kinds, most frequent first. Paths are those of the demo site.
func Personas() []Persona {
	return []Persona{
		{"bouncer", 46, bouncer, Expect{[]string{"visitor"}, 0, 14.9}},
		{"reader", 22, reader, Expect{[]string{"visitor", "aware", "interest"}, 5, 60}},
		{"evaluator", 14, evaluator, Expect{[]string{"aware", "interest", "intent"}, 15, 90}},
		{"buyer", 9, buyer, Expect{[]string{"intent"}, 60, 100}},
		{"jobseeker", 5, jobseeker, Expect{[]string{"visitor"}, -100, 14.9}},
		{"fan", 4, fan, Expect{[]string{"visitor", "aware", "interest"}, 0, 60}},
	}
}

func bouncer(r *rand.Rand) [][]step {
	entry := []string{"/demo/", "/demo/blog/", "/demo/product.html"}[r.IntN(3)]
	return [][]step{{page(entry, 3+r.IntN(8))}}
}

func reader(r *rand.Rand) [][]step {
	visit := append([]step{page("/demo/", 8)}, read("/demo/blog/firing-curve.html", 60+r.IntN(120))...)
	if r.IntN(2) == 0 {
		visit = append(visit, page("/demo/product.html", 20+r.IntN(30)))
	}
	return [][]step{visit}
}

func evaluator(r *rand.Rand) [][]step {
	first := append([]step{page("/demo/", 10)}, read("/demo/product.html", 45+r.IntN(60))...)
	first = append(first, read("/demo/docs/install.html", 90+r.IntN(120))...)
	second := []step{page("/demo/pricing.html", 40+r.IntN(40))}
	second = append(second, read("/demo/blog/firing-curve.html", 60)...)
	return [][]step{first, second}
}

// A buyer always asks for something; how much it reads before and how it asks
// differ, so that hot leads differ too.
func buyer(r *rand.Rand) [][]step {
	first := []step{page("/demo/", 12), page("/demo/product.html", 20)}
	if r.IntN(3) == 0 {
		first = append(first, read("/demo/docs/install.html", 15+r.IntN(60))...)
	}
	second := []step{page("/demo/pricing.html", 15+r.IntN(60))}
	if r.IntN(4) == 0 {
		second = append(second, step{kind: "download", path: "/demo/pricing.html", name: "emberline-datasheet.pdf", secs: 5})
	}
	second = append(second, page("/demo/contact.html", 20),
		step{kind: "identify", path: "/demo/contact.html", secs: 1},
		step{kind: "form", path: "/demo/contact.html", name: "demo-request", secs: 4})
	if r.IntN(8) == 0 {
		second = append(second, step{kind: "track", path: "/demo/contact.html", name: "Demo Requested", secs: 1})
	}
	return [][]step{first, second}
}

func jobseeker(r *rand.Rand) [][]step {
	return [][]step{{
		page("/demo/careers.html", 40+r.IntN(60)),
		page("/demo/careers.html", 20),
		page("/demo/", 5),
	}}
}

func fan(r *rand.Rand) [][]step {
	visit := append([]step{page("/demo/blog/", 10)}, read("/demo/blog/firing-curve.html", 90+r.IntN(60))...)
	visit = append(visit, step{kind: "click", path: "/demo/blog/firing-curve.html", name: "share", secs: 3,
		props: map[string]any{"kind": "outbound", "href": "https://social.example/share"}})
	return [][]step{visit}
}
