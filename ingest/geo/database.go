package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// parseDatabase reads an mmdb file. Its version is its type and the day it was built.
func parseDatabase(text []byte, _ time.Time) (*maxminddb.Reader, time.Time, string, error) {
	db, err := maxminddb.OpenBytes(text)
	if err != nil {
		return nil, time.Time{}, "", err
	}
	kind := strings.Join(strings.Fields(db.Metadata.DatabaseType), "-")
	if kind == "" {
		return nil, time.Time{}, "", errors.New("the database does not say what it is of")
	}
	built := db.Metadata.BuildTime().UTC()
	return db, built, fmt.Sprintf("geo/%s-%s", kind, built.Format(time.DateOnly)), nil
}

// location is what we read of MaxMind's City and Country databases, and of those of ip-location-db, which are flat.
type location struct {
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Subdivisions []struct {
		Code  string `maxminddb:"iso_code"`
		Names names  `maxminddb:"names"`
	} `maxminddb:"subdivisions"`
	City struct {
		Names names `maxminddb:"names"`
	} `maxminddb:"city"`
}

type flatLocation struct {
	CountryCode string `maxminddb:"country_code"`
	State       string `maxminddb:"state1"`
	City        string `maxminddb:"city"`
}

type names struct {
	English string `maxminddb:"en"`
}

// locate fills country, region and city. A record of another shape is no record: the error of decoding it is not worth an event.
func locate(db *maxminddb.Reader, addr netip.Addr, p *Place) {
	record := db.Lookup(addr)
	if !record.Found() {
		return
	}
	var at location
	if err := record.Decode(&at); err == nil && at.Country.Code != "" {
		p.Country, p.City = at.Country.Code, at.City.Names.English
		if len(at.Subdivisions) > 0 {
			if p.Region = at.Subdivisions[0].Names.English; p.Region == "" {
				p.Region = at.Subdivisions[0].Code
			}
		}
		return
	}
	var flat flatLocation
	if err := record.Decode(&flat); err == nil {
		p.Country, p.Region, p.City = flat.CountryCode, flat.State, flat.City
	}
}

// owner fills the network's owner and returns its number, 0 = not known.
func owner(db *maxminddb.Reader, addr netip.Addr, p *Place) uint {
	var system struct {
		Number uint   `maxminddb:"autonomous_system_number"`
		Name   string `maxminddb:"autonomous_system_organization"`
	}
	if err := db.Lookup(addr).Decode(&system); err != nil {
		return 0
	}
	p.Owner = system.Name
	return system.Number
}
