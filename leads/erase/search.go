package erase

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"leadstream/schemas"
)

// Found is what a search found in one store.
type Found struct {
	Store    string `json:"store"`
	Searched uint64 `json:"searched"` // rows, records, or bytes of files
	Found    uint64 `json:"found"`    // rows, records or files that have one of the ids
	Note     string `json:"note,omitempty"`
}

// shortest is the length from which an id is looked for anywhere in a text. A shorter one ("42") would be found in half of all
// rows; it is looked for as a whole value, in the columns that hold ids.
const shortest = 6

// Needles are the person's ids as they may stand in a text or a record.
func (p Person) needles() (list []string) {
	for _, ids := range [][]string{p.LeadIDs, p.AnonymousIDs, p.UserIDs, p.Emails} {
		for _, id := range ids {
			if len(id) >= shortest {
				list = append(list, id)
			}
		}
	}
	return list
}

// SearchTables looks at every column of every table, in any form: an id in a property, an address in a stored record. Not at
// what was received after `until`, a new acquaintance; the zero time looks at all.
func SearchTables(ctx context.Context, db driver.Conn, p Person, until time.Time, each func(Found)) error {
	rows, err := db.Query(ctx, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name")
	if err != nil {
		return fmt.Errorf("erase: list the tables: %w", err)
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return errors.Join(fmt.Errorf("erase: list the tables: %w", err), rows.Close())
		}
		names = append(names, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("erase: list the tables: %w", err)
	}
	known, err := tables(ctx, db)
	if err != nil {
		return err
	}
	for _, name := range names {
		where, args := deepCondition(known, name, p, until)
		found := Found{Store: "table " + name}
		if err := db.QueryRow(ctx, "SELECT count(), countIf("+where+") FROM "+quoted(name), args...).Scan(&found.Searched, &found.Found); err != nil {
			return fmt.Errorf("erase: search %s: %w", name, err)
		}
		each(found)
	}
	return nil
}

// deepCondition is the deletion's condition, or any needle anywhere in the row.
func deepCondition(known []table, name string, p Person, until time.Time) (string, []any) {
	where, args := "0", []any(nil)
	bound := ""
	if i := slices.IndexFunc(known, func(t table) bool { return t.name == name }); i >= 0 {
		where, args = known[i].condition(p, until)
		if known[i].columns["received_at"] && !until.IsZero() {
			args = append(args, until.UnixMilli())
			bound = fmt.Sprintf(" AND received_at <= fromUnixTimestamp64Milli($%d)", len(args))
		}
	}
	if needles := p.needles(); len(needles) > 0 {
		args = append(args, needles)
		where = fmt.Sprintf("%s OR (arrayExists(n -> position(toString(tuple(*)), n) > 0, $%d)%s)", where, len(args), bound)
	}
	return where, args
}

// SearchTopics reads every topic from its first record to its end and looks into keys and values. Progress hears how far it is.
func (e *Eraser) SearchTopics(ctx context.Context, p Person, progress func(topic string, done, of int64), each func(Found)) error {
	needles := p.bytes()
	for _, t := range schemas.Topics() {
		found := Found{Store: "topic " + t.Name, Note: "goes by retention or compaction; table erasures says when"}
		err := e.scan(ctx, t.Name, func(done, of int64) { progress(t.Name, done, of) }, func(key, value []byte) {
			found.Searched++
			if containsAny(key, needles) || containsAny(value, needles) {
				found.Found++
			}
		})
		if err != nil {
			return err
		}
		if found.Found == 0 {
			found.Note = ""
		}
		each(found)
	}
	return nil
}

// bytes are the needles, and the lead ids in their 16 bytes.
func (p Person) bytes() (list [][]byte) {
	for _, n := range p.needles() {
		list = append(list, []byte(n))
	}
	for _, lead := range p.LeadIDs {
		if id, err := schemas.ParseLeadID(lead); err == nil {
			list = append(list, id[:])
		}
	}
	return list
}

func containsAny(text []byte, needles [][]byte) bool {
	for _, n := range needles {
		if bytes.Contains(text, n) {
			return true
		}
	}
	return false
}

// SearchFiles looks into the files below a folder, except those folders whose servers are searched themselves.
func SearchFiles(ctx context.Context, dir string, except []string, p Person, each func(Found)) error {
	needles := p.bytes()
	byFolder := map[string]*Found{}
	var order []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // files come and go while a server runs
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		relative, _ := filepath.Rel(dir, path)
		if d != nil && d.IsDir() && slices.Contains(except, relative) {
			return filepath.SkipDir
		}
		if d == nil || !d.Type().IsRegular() {
			return nil
		}
		folder := filepath.Dir(relative)
		if byFolder[folder] == nil {
			byFolder[folder] = &Found{Store: "files " + folder}
			order = append(order, folder)
		}
		return searchFile(path, needles, byFolder[folder])
	})
	if err != nil {
		return fmt.Errorf("erase: search the files in %s: %w", dir, err)
	}
	for _, folder := range order {
		each(*byFolder[folder])
	}
	return nil
}

// searchFile reads a file in pieces that overlap by the longest needle.
func searchFile(path string, needles [][]byte, found *Found) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	longest := 0
	for _, n := range needles {
		longest = max(longest, len(n))
	}
	in := bufio.NewReaderSize(file, 1<<20)
	piece := make([]byte, 0, 1<<20+longest)
	hit := false
	for {
		kept := piece[max(0, len(piece)-longest):]
		n := copy(piece[:cap(piece)], kept)
		read, err := in.Read(piece[n:cap(piece)])
		piece = piece[:n+read]
		found.Searched += uint64(read)
		hit = hit || containsAny(piece, needles)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if hit {
		found.Found++
	}
	return nil
}
