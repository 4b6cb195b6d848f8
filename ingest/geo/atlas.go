package geo

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Place is what an address says.
type Place struct {
	Country string // ISO 3166, two letters
	Region  string // in English; the code where there is no name
	City    string // in English
	Network string // what the network is for: datacentre, scanner; empty = not known
	Owner   string // of the network
}

// Deps is what an Atlas is given.
type Deps struct {
	Log      *zap.Logger
	Registry prometheus.Registerer
}

// Atlas answers where addresses are. It may be used by many at once.
type Atlas struct {
	check     time.Duration
	log       *zap.Logger
	metrics   *metrics
	places    *file[*maxminddb.Reader]
	systems   *file[*maxminddb.Reader]
	networks  *file[*networks]
	allFiles  []watched
	knowsSome bool
}

// New reads the files that the config names; its error has all that cannot be read.
func New(cfg Config, d Deps) (*Atlas, error) {
	m := newMetrics(d.Registry)
	a := &Atlas{
		check: cfg.Check, log: d.Log, metrics: m,
		places:   &file[*maxminddb.Reader]{key: "file", path: cfg.File, parse: parseDatabase},
		systems:  &file[*maxminddb.Reader]{key: "asn_file", path: cfg.ASNFile, parse: parseDatabase},
		networks: &file[*networks]{key: "networks_file", path: cfg.Networks, parse: parseNetworks},
	}
	var faults []error
	for _, f := range []watched{a.places, a.systems, a.networks} {
		if f.name() == "" {
			continue
		}
		a.allFiles = append(a.allFiles, f)
		faults = append(faults, a.read(f))
	}
	a.knowsSome = len(a.allFiles) > 0
	return a, errors.Join(faults...)
}

// Run looks for changed files until ctx ends.
func (a *Atlas) Run(ctx context.Context) {
	if !a.knowsSome {
		return
	}
	tick := time.NewTicker(a.check)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.refresh()
		}
	}
}

// refresh reads what has changed. What cannot be read is told once, and again when it has changed again.
func (a *Atlas) refresh() {
	for _, f := range a.allFiles {
		if !f.changed() {
			continue
		}
		if err := a.read(f); err != nil {
			a.metrics.failed.WithLabelValues(f.name()).Inc()
			a.log.Error("a file of ingest.geoip has changed and cannot be read; the one before stays in use", zap.Error(err))
			continue
		}
		a.log.Info("a file of ingest.geoip has changed and is in use", zap.String("key", f.name()), zap.String("version", f.version()))
	}
}

func (a *Atlas) read(f watched) error {
	if err := f.read(); err != nil {
		return err
	}
	a.metrics.built.WithLabelValues(f.name()).Set(f.builtAt())
	return nil
}

// Version names the files in use: geo/GeoLite2-City-2026-11-20 asn/... networks/2026-11-20. It is empty without any.
func (a *Atlas) Version() string {
	var words []string
	for _, f := range a.allFiles {
		words = append(words, f.version())
	}
	return strings.Join(words, " ")
}

// Find tells where an address is. What is no public address is nowhere.
func (a *Atlas) Find(ip string) Place {
	var p Place
	if !a.knowsSome || ip == "" {
		return p
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return p
	}
	addr = addr.Unmap()
	if db := a.places.now(); db != nil {
		locate(db, addr, &p)
	}
	var number uint
	if db := a.systems.now(); db != nil {
		number = owner(db, addr, &p)
	}
	if list := a.networks.now(); list != nil {
		list.find(addr, number, &p)
	}
	if p.Network == "" {
		p.Network = kindOf(p.Owner)
	}
	return p
}
