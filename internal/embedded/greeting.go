package embedded

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// greeting is the first packet of the native protocol, as far as the guard has to know it.
type greeting struct {
	raw                      []byte // as it came
	database, user, password string
}

var errNoise = errors.New("not a ClickHouse greeting")

// maxField bounds each string of a greeting: a real name or password is far shorter.
const maxField = 4096

// recorder keeps what is read through it.
type recorder struct {
	from *bufio.Reader
	raw  []byte
}

// ReadByte implements io.ByteReader for the varints.
func (r *recorder) ReadByte() (byte, error) {
	b, err := r.from.ReadByte()
	if err == nil {
		r.raw = append(r.raw, b)
	}
	return b, err
}

// text reads a string: its length as a varint, then its bytes.
func (r *recorder) text() (string, error) {
	length, err := binary.ReadUvarint(r)
	if err != nil {
		return "", err
	}
	if length > maxField {
		return "", errNoise
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r.from, body); err != nil {
		return "", err
	}
	r.raw = append(r.raw, body...)
	return string(body), nil
}

// readHello reads packet 0: client name, major, minor, revision, database, user, password.
func readHello(from *bufio.Reader) (greeting, error) {
	r := &recorder{from: from}
	if kind, err := r.ReadByte(); err != nil || kind != 0 {
		return greeting{}, errNoise
	}
	if _, err := r.text(); err != nil {
		return greeting{}, err
	}
	for range 3 {
		if _, err := binary.ReadUvarint(r); err != nil {
			return greeting{}, err
		}
	}
	var fields [3]string
	for i := range fields {
		var err error
		if fields[i], err = r.text(); err != nil {
			return greeting{}, err
		}
	}
	return greeting{r.raw, fields[0], fields[1], fields[2]}, nil
}

// refusal is a server's no.
type refusal struct {
	code    int32
	message string
}

// codeBadGateway is ClickHouse's NETWORK_ERROR.
const codeBadGateway = 210

// readRefusal takes code and text from an HTTP answer:
// "Code: 81. DB::Exception: Database x does not exist. (UNKNOWN_DATABASE) (version 26.7.2.1)".
func readRefusal(resp *http.Response) *refusal {
	code, err := strconv.ParseInt(resp.Header.Get("X-ClickHouse-Exception-Code"), 10, 32)
	if err != nil {
		code = codeBadGateway
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10))
	message := strings.TrimSpace(string(body))
	if _, after, found := strings.Cut(message, "DB::Exception: "); found {
		message = after
	}
	if cut := strings.LastIndex(message, " (version "); cut > 0 {
		message = message[:cut]
	}
	return &refusal{int32(code), message}
}

// packet is the native protocol's packet 2: code, name, text, stack, nothing nested.
func (r *refusal) packet() []byte {
	out := binary.AppendUvarint(nil, 2)
	out = binary.LittleEndian.AppendUint32(out, uint32(r.code))
	for _, text := range []string{"DB::Exception", "DB::Exception: " + r.message, ""} {
		out = binary.AppendUvarint(out, uint64(len(text)))
		out = append(out, text...)
	}
	return append(out, 0)
}
