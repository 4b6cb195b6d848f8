package ingest

import "leadstream/ingest/protocol"

// findPlace fills country, region, city and network from the address, before a privacy policy takes it away. The events of a
// request mostly have one address: it is looked up once.
func findPlace(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.Ip != f.placedIP {
		f.placedIP, f.place = e.Ip, f.atlas.Find(e.Ip)
		for _, text := range [...]*string{&f.place.Country, &f.place.Region, &f.place.City, &f.place.Network, &f.place.Owner} {
			*text = clean(f, *text) // files are made by strangers, too
		}
	}
	p := f.place
	if e.Ip == "" {
		return nil // a decoder may know better
	}
	e.Country, e.Region, e.City, e.Network, e.NetworkOwner = p.Country, p.Region, p.City, p.Network, p.Owner
	return nil
}
