// Package tracker is the gate: the script that runs in a visitor's browser, and a small site that carries it.
//
//	Reads     what a visitor does on a page: views, engaged time, clicks, scrolls, forms
//	Writes    batches of events, POST /v1/events, to the collector it came from
//	Promises  an event is sent until the collector answered for it; the page is never blocked or broken;
//	          3.0 KB gzip with all of it
//	Refuses   what was typed into a field; everything, when the visitor has not agreed
//
// The source is src/*.ts; `go generate ./tracker` makes dist/tracker.js of it, which is committed.
package tracker

//go:generate go run ./build
