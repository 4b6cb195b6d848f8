// Package geo tells from an address the country, the region, the city, and whose network it is.
//
// Reads     MaxMind databases (mmdb) and a text file of networks, all named in the config; none is shipped
// Promises  files are read at the start and again when they change; a file that then cannot be read is told, and the one before stays
// Refuses   to start with a file that it cannot read
//
// A country is a fact about an address, not about a person: it is looked up before a site's privacy policy takes the address
// away.
package geo
