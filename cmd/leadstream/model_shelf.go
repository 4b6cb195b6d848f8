package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"leadstream/internal/clickhouse"
	"leadstream/scoring/model"
)

// shelved is one row of table models.
type shelved struct {
	Track       string    `json:"track"`
	Version     string    `json:"version"`
	Publication uint32    `json:"publication"`
	Text        string    `json:"text,omitempty"`
	KeptAt      time.Time `json:"kept_at"`
	Leads       uint64    `json:"leads"`
}

func (s shelved) load() (*model.Model, error) {
	if s.Publication == 0 {
		return model.Load([]byte(s.Text), s.Version)
	}
	return model.LoadPublished([]byte(s.Text), s.Version, int(s.Publication), s.KeptAt.UnixMilli())
}

// shelf is table models: every model that ran, and which of them is published. It is the one place
// that all workers see; a copy of the published one on disk lets a worker start while ClickHouse is away.
type shelf struct {
	conn clickhouse.Conn
	dir  string

	mu     sync.Mutex
	loaded map[string]*model.Model
}

func newShelf(conn clickhouse.Conn, dir string) *shelf {
	return &shelf{conn: conn, dir: dir, loaded: map[string]*model.Model{}}
}

func (s *shelf) rows(ctx context.Context, where string, args ...any) ([]shelved, error) {
	rows, err := s.conn.Query(ctx, "SELECT track, version, publication, text, kept_at FROM models FINAL WHERE "+where+" ORDER BY track, publication, kept_at, version", args...)
	if err != nil {
		return nil, fmt.Errorf("table models: %w", err)
	}
	defer rows.Close()
	var list []shelved
	for rows.Next() {
		var r shelved
		if err := rows.Scan(&r.Track, &r.Version, &r.Publication, &r.Text, &r.KeptAt); err != nil {
			return nil, fmt.Errorf("table models: %w", err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// newest is the published model of a track; false when none was published yet. Of two that were
// published at the same moment everybody takes the same.
func (s *shelf) newest(ctx context.Context, track string) (shelved, bool, error) {
	list, err := s.rows(ctx, "publication > 0 AND track = {track:String}", driver.Named("track", track))
	if err != nil || len(list) == 0 {
		return shelved{}, false, err
	}
	return list[len(list)-1], true, nil
}

// put writes a row and waits until it stands.
func (s *shelf) put(ctx context.Context, r shelved) error {
	err := s.conn.Exec(ctx, "INSERT INTO models (track, version, publication, text, kept_at) VALUES ({track:String}, {version:String}, {number:UInt32}, {text:String}, fromUnixTimestamp64Milli({at:Int64}, 'UTC'))",
		driver.Named("track", r.Track), driver.Named("version", r.Version), driver.Named("number", r.Publication), driver.Named("text", r.Text), driver.Named("at", r.KeptAt.UnixMilli()))
	if err != nil {
		return fmt.Errorf("table models: %w", err)
	}
	return nil
}

// keep remembers a model that runs because a file says so.
func (s *shelf) keep(ctx context.Context, m *model.Model, text []byte) error {
	if number, _ := m.Publication(); number > 0 {
		return nil
	}
	known, err := s.rows(ctx, "version = {version:String}", driver.Named("version", m.Version()))
	if err != nil || len(known) > 0 {
		return err
	}
	return s.put(ctx, shelved{Track: m.Track(), Version: m.Version(), Text: string(text), KeptAt: time.Now()})
}

// of is a model by its version, nil if it was not kept.
func (s *shelf) of(ctx context.Context, version string) (*model.Model, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.loaded[version]; m != nil {
		return m, nil
	}
	list, err := s.rows(ctx, "version = {version:String}", driver.Named("version", version))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	m, err := list[0].load()
	if err == nil {
		s.loaded[version] = m
	}
	return m, err
}

func (s *shelf) copyOf(track string) string { return filepath.Join(s.dir, track+".json") }

// save leaves a copy on disk, for a start without ClickHouse.
func (s *shelf) save(r shelved) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if err := os.WriteFile(s.copyOf(r.Track)+".new", b, 0o640); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	return os.Rename(s.copyOf(r.Track)+".new", s.copyOf(r.Track))
}

// saved reads it.
func (s *shelf) saved(track string) (r shelved, found bool, err error) {
	b, err := os.ReadFile(s.copyOf(track))
	if errors.Is(err, os.ErrNotExist) {
		return r, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return r, false, fmt.Errorf("the copy of the published model, %s: %w", s.copyOf(track), err)
	}
	return r, true, nil
}
