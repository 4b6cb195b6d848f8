// Package leads is where people meet the scores: the HTTP API, the live stream and the web app.
//
// Reads     the tables and views of ClickHouse; leads, live, from their topic
// Writes    HTTP answers; an erasure that is asked for (leads/erase); a person's word on who is who (leads/owner)
// Promises  a page's cursor fixes its instant, so that scores that fade do not shuffle pages; what came from visitors is escaped everywhere, also in CSV
// Refuses   bad parameters, every fault at once; words on who is who that make no sense; changes asked for by another site's page; strangers, as soon as a token exists or the address is not loopback
package leads
