package protocol

// matomoKind finds the canonical word for what the fields say was done.
func matomoKind(it *Item, f map[string]string, properties *object) {
	e := it.Event
	track := func(name string, members ...string) { // pairs of a property and a field
		e.Type, e.Name, e.Title = "track", name, ""
		for i := 0; i < len(members); i += 2 {
			properties.number(members[i], f[members[i+1]])
		}
	}
	switch {
	case f["ping"] == "1":
		// The heart beats after 15 s in the foreground; how many beats came before it is not said.
		e.Type, e.Title = "dwell", ""
		dwellSlot(it, e.ViewId, it.At, slotMs)
	case f["link"] != "" || f["download"] != "":
		e.Type, e.Title = "click", ""
		href, kind := f["download"], "download"
		if href == "" {
			href = f["link"]
			kind = linkKind(href, e.Url)
		}
		properties.add("kind", kind)
		properties.add("href", href)
	case f["search"] != "":
		track("search", "query", "search", "category", "search_cat", "count", "search_count")
	case f["e_c"] != "" || f["e_a"] != "":
		track(f["e_a"], "category", "e_c", "label", "e_n", "value", "e_v")
	case f["c_n"] != "":
		track("content", "content", "c_n", "piece", "c_p", "target", "c_t", "interaction", "c_i")
	case f["idgoal"] == "0" || f["ec_id"] != "":
		track("order", "order_id", "ec_id", "revenue", "revenue", "subtotal", "ec_st", "tax", "ec_tx", "shipping", "ec_sh", "discount", "ec_dt")
	case f["idgoal"] != "":
		track("goal", "goal", "idgoal", "revenue", "revenue")
	default:
		e.Type = "page"
	}
}

// customVariables reads {"1": ["name", "value"], ...}.
func customVariables(o *object, text string) {
	c := cursor{s: text}
	if c.peek() != '{' {
		return
	}
	_ = c.object(func(string) error { // a variable that cannot be read is none, and nor are those behind it
		var pair []string
		err := c.array(func() error {
			text, err := c.text()
			pair = append(pair, text)
			return err
		})
		if len(pair) == 2 && pair[0] != "" {
			o.add(pair[0], pair[1])
		}
		return err
	})
}
