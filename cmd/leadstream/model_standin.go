package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"leadstream/internal/clickhouse"
)

// standIn puts the published model where a file has faults: while it ran, the published one did and not the
// file, so a restart must not need the file either. It answers with the faults that stay: without a
// publication there is nothing to run with, and a file that is not there does not say whose track it was.
//
// A starting `all` has no ClickHouse of its own yet; there the copy on disk has to do, and what is newer
// is found before the worker is made.
func (c Config) standIn(files []modelFile, all bool) error {
	if faultsOf(files) == nil {
		return nil
	}
	embedded := all && c.ClickHouse.Addr == ""
	c.stores()
	known := newShelf(nil, c.under("models"))
	asked := errors.New("its ClickHouse does not run yet")
	if !embedded {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if known.conn, asked = clickhouse.Open(ctx, c.ClickHouse); asked == nil {
			defer known.conn.Close()
		}
	}
	taken := map[string]bool{}
	for _, f := range files {
		taken[f.track] = taken[f.track] || f.fault == nil
	}
	var faults []error
	for i := range files {
		f := &files[i]
		if f.fault == nil {
			continue
		}
		if f.track == "" || taken[f.track] {
			faults = append(faults, f.fault)
			continue
		}
		taken[f.track] = true
		if err := known.standIn(f, asked); err != nil {
			faults = append(faults, f.fault, err)
		}
	}
	return errors.Join(faults...)
}

// tellStandIns says it once at the start; the metric goes on saying it.
func (b *base) tellStandIns() {
	for _, f := range b.files {
		if f.fault != nil {
			b.log.Error("a model file has faults and is refused whole: the published model runs in its place; mend the file, or publish another",
				zap.String("file", f.path), zap.String("track", f.track), zap.String("published", f.model.Version()), zap.Error(f.fault))
		}
	}
}

// standIn fills in the newest publication that can be found.
func (s *shelf) standIn(f *modelFile, asked error) error {
	var row shelved
	var found bool
	if asked == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		row, found, asked = s.newest(ctx, f.track)
	}
	if asked != nil {
		var err error
		if row, found, err = s.saved(f.track); err != nil {
			return err
		}
	}
	switch {
	case !found && asked != nil:
		return fmt.Errorf("%s has faults, and no published model of track %q can stand in: none is known in %s, and table models cannot be asked: %w", f.path, f.track, s.dir, asked)
	case !found:
		return fmt.Errorf("%s has faults, and no model of track %q is published that could stand in", f.path, f.track)
	}
	m, err := row.load()
	if err != nil {
		return fmt.Errorf("the published model %s, which would stand in: %w", row.Version, err)
	}
	f.model = m
	return nil
}
