package scoring

// each shows every living row, in no order. yield may put and forget.
func (a *arena) each(yield func(row)) {
	for num := 0; num < len(a.chunks); num++ {
		a.eachOf(num, nil, yield)
	}
}

// eachDue shows those that fall by an instant. Those that have faded have no timers.
func (a *arena) eachDue(until int64, yield func(row)) {
	due := func(r row) bool { return r.due != 0 && r.due <= until }
	for num := 0; num < len(a.chunks); num++ {
		if c := a.chunks[num]; c != nil && c.b != nil {
			a.eachOf(num, due, yield)
		}
	}
}

// eachOf shows a chunk's living rows, of those that are wanted: whose a row is, which
// tells whether it lives, costs a hash.
func (a *arena) eachOf(num int, wanted func(row) bool, yield func(row)) {
	c := a.chunks[num]
	if c == nil {
		return
	}
	b, err := c.content()
	if err != nil {
		panic(err)
	}
	for offset := 0; offset < len(b) && a.chunks[num] == c; {
		r, n := parseRow(b[offset:])
		if (wanted == nil || wanted(r)) && a.lives(&r, uint64(num)<<chunkBits|uint64(offset)) {
			yield(r)
		}
		offset += n
	}
}

// lives fills in whose row it is, and tells whether that lead has no newer one.
func (a *arena) lives(r *row, at uint64) bool {
	r.id = a.ids(r.packed)
	return a.index.has(r.id, at)
}

// clean empties the chunks with the most dead rows while most of all bytes are
// dead, so that memory is at most twice what lives (and a chunk), and so is the file.
func (a *arena) clean() {
	for a.dead > a.bytes/2 && a.bytes > 2*chunkSize && a.empty(func(c *chunk) bool { return c.b != nil }) {
	}
	for a.out.dead > a.out.bytes/2 && a.out.bytes > 2*chunkSize && a.empty(func(c *chunk) bool { return c.b == nil }) {
	}
}

// empty moves the living out of the chunk that has the most dead.
func (a *arena) empty(which func(*chunk) bool) bool {
	worst := -1
	for num, c := range a.chunks {
		if c != nil && num != a.open && num != a.fading && which(c) && (worst < 0 || c.dead > a.chunks[worst].dead) {
			worst = num
		}
	}
	if worst < 0 || a.chunks[worst].dead == 0 {
		return false
	}
	c := a.chunks[worst]
	a.eachOf(worst, nil, a.put) // the last row's burial drops it
	if a.chunks[worst] == c {
		a.drop(worst) // all were dead already
	}
	return true
}
