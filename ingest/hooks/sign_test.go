package hooks

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// now is when the tests are; vendors' examples bring their own times.
var now = time.Unix(1772446540, 0)

// signed makes the request that a provider would send to the hook.
func signed(t testing.TB, h *Hook, body string) Request {
	t.Helper()
	return signedAt(t, h, body, now)
}

// signedAt is signed by a provider whose clock says at; the hook's says now.
func signedAt(t testing.TB, h *Hook, body string, at time.Time) Request {
	t.Helper()
	r := Request{Query: url.Values{}, Header: http.Header{}, Body: body, Now: now, Limits: generous}
	secret, stamp := h.cfg.Secret.Reveal(), strconv.FormatInt(at.Unix(), 10)
	whole := sign(secret, body)
	switch h.cfg.Kind {
	case "meta":
		r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(whole))
	case "linkedin":
		r.Header.Set("X-LI-Signature", hex.EncodeToString(sign(secret, "hmacsha256="+body)))
	case "x":
		r.Header.Set("x-twitter-webhooks-signature", "sha256="+base64.StdEncoding.EncodeToString(whole))
	case "tiktok":
		r.Header.Set("TikTok-Signature", "t="+stamp+",s="+hex.EncodeToString(sign(secret, stamp+"."+body)))
	case "douyin":
		sum := sha1.Sum([]byte(secret + body))
		r.Header.Set("X-Douyin-Signature", hex.EncodeToString(sum[:]))
		r.Header.Set("Msg-Id", "msg-"+hex.EncodeToString(sum[:4]))
	case "slack":
		r.Header.Set("X-Slack-Request-Timestamp", stamp)
		r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(sign(secret, "v0:"+stamp+":"+body)))
	case "wechat", "wecom":
		tencentSigned(t, h, &r, stamp)
	case "hmac":
		value := "sha256=" + base64.StdEncoding.EncodeToString(whole)
		if h.cfg.Name == "calendly" {
			value = "t=" + stamp + ",v1=" + hex.EncodeToString(sign(secret, stamp+"."+body))
		}
		r.Header.Set(h.cfg.Header, value)
	case "generic":
		if h.cfg.Secret != "" {
			r.Header.Set("X-Hook-Secret", secret)
		} else {
			r.Query.Set("token", h.cfg.Token.Reveal())
		}
	default:
		t.Fatalf("no signature for %s", h.cfg.Kind)
	}
	return r
}

func tencentSigned(t testing.TB, h *Hook, r *Request, stamp string) {
	t.Helper()
	token := h.cfg.Token.Reveal()
	r.Query.Set("timestamp", stamp)
	r.Query.Set("nonce", "263014780")
	r.Query.Set("signature", hex.EncodeToString(sortedDigest(token, stamp, "263014780")))
	if h.aes == nil {
		return
	}
	encrypted := sealMessage(t, h.aes, r.Body, h.cfg.AppID)
	r.Query.Set("encrypt_type", "aes")
	r.Query.Set("msg_signature", hex.EncodeToString(sortedDigest(token, stamp, "263014780", encrypted)))
	r.Body = "<xml><ToUserName><![CDATA[" + h.cfg.AppID + "]]></ToUserName><Encrypt><![CDATA[" + encrypted + "]]></Encrypt></xml>"
}

// sealMessage is what Tencent does before it sends.
func sealMessage(t testing.TB, key []byte, message, app string) string {
	t.Helper()
	text := append([]byte("0123456789abcdef"), binary.BigEndian.AppendUint32(nil, uint32(len(message)))...)
	text = append(append(text, message...), app...)
	pad := padBlock - len(text)%padBlock
	text = append(text, strings.Repeat(string(rune(pad)), pad)...)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(text, text)
	return base64.StdEncoding.EncodeToString(text)
}
