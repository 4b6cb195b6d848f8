package hooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"leadstream/ingest/protocol"
)

// The reasons for saying no that are not a decoder's.
const (
	BadSignature protocol.Reason = "bad_signature" // who sent this does not know the secret
	Stale        protocol.Reason = "stale"         // signed, more than five minutes ago: a repeat by somebody else
	BadChallenge protocol.Reason = "bad_challenge" // a GET that is not the provider's
	BadXML       protocol.Reason = "bad_xml"       // a body that should be XML
	BadMapping   protocol.Reason = "bad_mapping"   // an expression of the config failed on this payload
)

// Request is all that a source may see of an HTTP request.
type Request struct {
	Query  url.Values
	Header http.Header
	Body   string // as it came, byte for byte: what was signed
	Now    time.Time
	Limits protocol.Limits
}

// Reply is what the provider hears; the zero value stands for the collectors' own words.
type Reply struct {
	Type string
	Body string
}

// Delivery is a request that was genuine.
type Delivery struct {
	Items  []protocol.Item
	Passed int   // updates that are nobody's act: our own posts, receipts, job reports
	Reply  Reply // to be sent once the items are stored
}

// Hook is one configured source, ready to receive.
type Hook struct {
	cfg    Config
	source source
	aes    []byte   // WeChat's and WeCom's key
	mapped *mapping // of the sources that the config maps
}

// source is what one kind of provider does. What it does not do is nil.
type source struct {
	needs     []string                             // keys of the config without which it cannot work
	challenge func(*Hook, Request) (Reply, error)  // a GET: is this yours?
	open      func(*Hook, Request) (string, error) // a POST: verified, and decrypted; returns the payload
	read      func(*Hook, Request, string, *Delivery) error
}

// sources is the one table of what can be received.
func sources() map[string]source {
	return map[string]source{
		"meta":     {[]string{"secret", "token"}, challengeMeta, openMeta, readMeta},
		"linkedin": {[]string{"secret"}, challengeLinkedIn, openLinkedIn, readLinkedIn},
		"x":        {[]string{"secret"}, challengeX, openX, readX},
		"tiktok":   {[]string{"secret"}, nil, openTikTok, readTikTok},
		"douyin":   {[]string{"secret"}, nil, openDouyin, readDouyin},
		"wechat":   {[]string{"token"}, challengeWeChat, openWeChat, readWeChat},
		"wecom":    {[]string{"token", "aes_key", "app_id"}, challengeWeCom, openWeCom, readWeCom},
		"slack":    {[]string{"secret"}, nil, openSlack, readSlack},
		"hmac":     {[]string{"secret", "map.type"}, nil, openHMAC, readMapped},
		"generic":  {[]string{"map.type"}, nil, openGeneric, readMapped},
	}
}

// Kinds are the names of all sources, in order.
func Kinds() []string {
	var list []string
	for kind := range sources() {
		list = append(list, kind)
	}
	slices.Sort(list)
	return list
}

// New makes a hook ready; a config that Validate passes never fails here.
func New(cfg Config) (*Hook, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	h := &Hook{cfg: cfg, source: sources()[cfg.Kind]}
	if cfg.AESKey != "" {
		key, err := messageKey(cfg.AESKey.Reveal())
		if err != nil {
			return nil, err
		}
		h.aes = key
	}
	if cfg.isMapped() {
		m, err := compileMapping(cfg.Map)
		if err != nil {
			return nil, err
		}
		h.mapped = m
	}
	return h, nil
}

// Kind is the source's name: the protocol of its events.
func (h *Hook) Kind() string { return h.cfg.Kind }

// Site is where its events belong.
func (h *Hook) Site() string { return h.cfg.Site }

// Challenged reports whether the provider asks by GET before it sends.
func (h *Hook) Challenged() bool { return h.source.challenge != nil }

// Challenge answers a provider's GET. The error is a *protocol.Fault.
func (h *Hook) Challenge(r Request) (Reply, error) {
	if h.source.challenge == nil {
		return Reply{}, &protocol.Fault{Reason: BadChallenge, Detail: "this source sends by POST only"}
	}
	return h.source.challenge(h, r)
}

// Receive verifies a POST and finds its events. The error is a *protocol.Fault, and then there is no Delivery.
func (h *Hook) Receive(r Request) (Delivery, error) {
	payload, err := h.source.open(h, r)
	if err != nil {
		return Delivery{}, err
	}
	var d Delivery
	if err := h.source.read(h, r, payload, &d); err != nil {
		return Delivery{}, asFault(err)
	}
	if n := len(d.Items); n > r.Limits.Events {
		return Delivery{}, &protocol.Fault{Reason: protocol.BatchTooLarge, Detail: fmt.Sprintf("a delivery may hold %d updates (got %d)", r.Limits.Events, n)}
	}
	return d, nil
}

// asFault makes a reader's error a Fault: what is none yet is broken JSON.
func asFault(err error) error {
	var f *protocol.Fault
	if errors.As(err, &f) {
		return f
	}
	return &protocol.Fault{Reason: protocol.BadJSON, Detail: "the body is not JSON of this source: " + err.Error()}
}

func jsonReply(v any) Reply {
	body, err := json.Marshal(v)
	if err != nil {
		body = []byte("{}") // unreachable: maps of strings and numbers
	}
	return Reply{Type: "application/json", Body: string(body)}
}

func textReply(text string) Reply { return Reply{Type: "text/plain; charset=utf-8", Body: text} }
