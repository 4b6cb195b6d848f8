// Package front serves the requests that nearly all of a collector's traffic is: a plain HTTP/1.1 POST of a few hundred bytes,
// which lies whole in one read. Each costs one read and one write; net/http's general machinery, made for requests of any kind,
// costs more than all else that the collectors do with an event.
//
// Reads     connections of a listener
// Writes    the handler's answers; every connection that is not of this kind goes on to net/http, from its first unread byte
// Promises  what it takes, net/http would have read the same: FuzzHead holds it to http.ReadRequest
// Refuses   nothing: what it does not understand, or finds odd, is net/http's to judge, and so is whoever sends slowly
package front
