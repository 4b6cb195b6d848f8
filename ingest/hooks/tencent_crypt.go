package hooks

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"leadstream/ingest/protocol"
)

// decrypted finds the encrypted part of a delivery, verifies and opens it.
func (h *Hook) decrypted(r Request) (string, error) {
	m, err := tencentMessage(r.Body)
	if err != nil {
		return "", asFault(err)
	}
	return h.decrypt(r, first(m, "Encrypt", "encrypt"))
}

// decrypt verifies msg_signature over the ciphertext, then opens it. In this order: the padding of a text that nobody signed
// is not looked at, so it answers no questions.
func (h *Hook) decrypt(r Request, encrypted string) (string, error) {
	q := r.Query
	if encrypted == "" || !sameHex(q.Get("msg_signature"), sortedDigest(h.cfg.Token.Reveal(), q.Get("timestamp"), q.Get("nonce"), encrypted)) {
		return "", badSignature("msg_signature is not that of the token, timestamp, nonce and the encrypted message")
	}
	if err := fresh(r.Now, q.Get("timestamp")); err != nil {
		return "", err
	}
	message, app, err := openMessage(h.aes, encrypted)
	if err != nil {
		return "", &protocol.Fault{Reason: BadSignature, Detail: "the message cannot be decrypted with aes_key: " + err.Error()}
	}
	if !same(app, h.cfg.AppID) {
		return "", badSignature("the message is for another app_id")
	}
	return message, nil
}

const (
	saltBytes = 16 // random, before all else
	sizeBytes = 4  // of the message, big endian
	padBlock  = 32 // PKCS#7 to this, not to AES' own 16
)

// openMessage undoes AES-256-CBC with the key's first half as vector: salt, size, message, app id, padding.
func openMessage(key []byte, encrypted string) (message, app string, err error) {
	text, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil {
		return "", "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", "", err
	}
	if len(text) == 0 || len(text)%padBlock != 0 {
		return "", "", errors.New("its length is no multiple of 32")
	}
	cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(text, text)
	pad := int(text[len(text)-1])
	if pad < 1 || pad > padBlock || len(text)-pad < saltBytes+sizeBytes {
		return "", "", errors.New("its padding is wrong")
	}
	text = text[saltBytes : len(text)-pad]
	size := uint64(binary.BigEndian.Uint32(text))
	text = text[sizeBytes:]
	if size > uint64(len(text)) {
		return "", "", errors.New("it is shorter than it says")
	}
	return string(text[:size]), string(text[size:]), nil
}
