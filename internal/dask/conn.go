// Package dask speaks the Dask comm protocol to a scheduler, as an observer: it can ask the few questions that are listed in operations.go, and
// nothing else. It never sends code, never installs a plugin, never changes a thing. Answers are bounded in size, every exchange has a deadline.
package dask

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/dask/msgpack"
)

const (
	// DefaultMaxBytes bounds one message: the identity of ten thousand workers is smaller.
	DefaultMaxBytes = 64 << 20
	maxFrames       = 10_000
	maxValues       = 4_000_000
	dialTimeout     = 10 * time.Second
	// smallRead is what is allocated before the bytes of a frame have arrived.
	smallRead = 1 << 20
)

// Options steer a connection.
type Options struct {
	// TLS is for tls:// addresses; see LoadTLS.
	TLS *tls.Config
	// MaxBytes bounds one message; 0 means DefaultMaxBytes.
	MaxBytes int64
}

// Conn is a connection to a scheduler. It carries one question at a time; callers take turns.
type Conn struct {
	mu       sync.Mutex
	conn     net.Conn
	in       *bufio.Reader
	maxBytes int64
	broken   error
}

// ErrBroken is wrapped by the error of a question on a connection that an earlier failure has spoilt: dial again.
var ErrBroken = errors.New("the connection to the scheduler is broken")

// RemoteError says that the scheduler raised an exception while it answered.
type RemoteError struct {
	Operation string
	// Text is the exception's, shortened.
	Text string
}

// Error returns what the scheduler said.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("the scheduler could not answer %q: %s", e.Operation, e.Text)
}

// ParseAddress splits an address like tcp://host:8786 and says what is wrong with one that cannot be dialled.
func ParseAddress(address string) (scheme, hostPort string, err error) {
	u, err := url.Parse(address)
	if err == nil && (u.Scheme == "inproc" || u.Scheme == "ucx" || u.Scheme == "ucxx" || u.Scheme == "ws" || u.Scheme == "wss") {
		return "", "", fmt.Errorf("a scheduler at %s:// cannot be reached from outside; only tcp:// and tls:// can", u.Scheme)
	}
	if err != nil || (u.Scheme != "tcp" && u.Scheme != "tls") || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return "", "", fmt.Errorf("%q is not the address of a scheduler; one looks like tcp://10.0.0.4:8786 or tls://host:8786", address)
	}
	hostPort = u.Host
	if u.Port() == "" {
		hostPort = net.JoinHostPort(u.Hostname(), "8786")
	}
	return u.Scheme, hostPort, nil
}

// Dial connects to a scheduler and shakes hands.
func Dial(ctx context.Context, address string, o Options) (*Conn, error) {
	scheme, hostPort, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", hostPort)
	if err != nil {
		return nil, fmt.Errorf("connect to the scheduler: %w", err)
	}
	if scheme == "tls" {
		if o.TLS == nil {
			raw.Close()
			return nil, fmt.Errorf("%s wants TLS: name the CA, certificate and key", address)
		}
		secure := tls.Client(raw, o.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, fmt.Errorf("secure the connection to the scheduler: %w", err)
		}
		raw = secure
	}
	c := &Conn{conn: raw, in: bufio.NewReader(raw), maxBytes: o.MaxBytes}
	if err := c.shakeHands(ctx); err != nil {
		raw.Close()
		return nil, fmt.Errorf("shake hands with the scheduler (is it one?): %w", err)
	}
	return c, nil
}

// shakeHands tells what we are and reads what the scheduler is. Offering no compression, we never get any. Writing at once and reading then works with
// every version, whichever side each of them lets begin.
func (c *Conn) shakeHands(ctx context.Context) error {
	hello := msgpack.Map{
		{Key: "compression", Value: nil},
		{Key: "python", Value: []any{3, 10, 0}},
		{Key: "pickle-protocol", Value: 5},
	}
	v, err := c.exchange(ctx, hello)
	if err != nil {
		return err
	}
	if _, ok := v.(msgpack.Map); !ok {
		return fmt.Errorf("it says %.60v, which is no handshake", v)
	}
	return nil
}

// Close ends the connection. Between two questions, that is what Dask's own clients do.
func (c *Conn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.broken = net.ErrClosed
	}
	_ = c.conn.Close() // nothing is written that could be lost
}

// call asks one question, without arguments: none is needed. The context bounds it; a question that was given up breaks the connection, because its answer may still come.
func (c *Conn) call(ctx context.Context, op operation) (any, error) {
	if !allowed[op] {
		panic("dask: operation " + string(op) + " is not on the list") // cannot be: the caller is in this package
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, c.broken)
	}
	v, err := c.exchange(ctx, msgpack.Map{{Key: "op", Value: string(op)}, {Key: "reply", Value: true}})
	if err != nil {
		c.broken = err
		c.conn.Close()
		return nil, fmt.Errorf("ask the scheduler for %q: %w", op, err)
	}
	if m, ok := v.(msgpack.Map); ok {
		if status, _ := m.Get("status"); status == "uncaught-error" || status == "error" {
			return nil, &RemoteError{Operation: string(op), Text: exceptionText(m)}
		}
	}
	return v, nil
}

// maxErrorText bounds what of a stranger's exception is passed on.
const maxErrorText = 300

func exceptionText(m msgpack.Map) string {
	for _, name := range []string{"exception_text", "text"} {
		if text, ok := m.Get(name); ok {
			if s, ok := text.(string); ok && s != "" {
				return strings.ToValidUTF8(s[:min(len(s), maxErrorText)], "")
			}
		}
	}
	return "it did not say why"
}

// exchange writes a message and reads one.
func (c *Conn) exchange(ctx context.Context, message msgpack.Map) (any, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Time{}
	}
	if err := c.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	// A context that ends early must end the exchange, too.
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // fails only where the connection is closed already
	defer stop()
	v, err := c.roundTrip(message)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // the same moment, which the connection noticed first
		return nil, context.DeadlineExceeded
	}
	return v, err
}

func (c *Conn) roundTrip(message msgpack.Map) (any, error) {
	if _, err := c.conn.Write(pack(message)); err != nil {
		return nil, err
	}
	frame, err := readMessage(c.in, c.maxBytes)
	if err != nil {
		return nil, err
	}
	return msgpack.Decode(frame, maxValues)
}

// pack frames a message: the length of all that follows, the number of frames, their lengths, the frames. Numbers are little-endian.
func pack(message msgpack.Map) []byte {
	const head = 3 * 8
	out := make([]byte, head, 256)
	out = msgpack.Append(out, message)
	size := uint64(len(out) - head)
	binary.LittleEndian.PutUint64(out, size+2*8)
	binary.LittleEndian.PutUint64(out[8:], 1)
	binary.LittleEndian.PutUint64(out[16:], size)
	return out
}

// readMessage returns the first frame of a message. Further frames hold pickled values and buffers, which are passed over unread. The outer length is
// not looked at: what it counts depends on Dask's version.
func readMessage(in io.Reader, maxBytes int64) ([]byte, error) {
	var head [16]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, notEOF(err)
	}
	count := binary.LittleEndian.Uint64(head[8:])
	if count < 1 || count > maxFrames {
		return nil, fmt.Errorf("it sends a message of %d frames, which is none of Dask's", count)
	}
	lengths := make([]byte, 8*count)
	if _, err := io.ReadFull(in, lengths); err != nil {
		return nil, notEOF(err)
	}
	left := uint64(maxBytes)
	for i := range count {
		n := binary.LittleEndian.Uint64(lengths[8*i:])
		if n > left {
			return nil, fmt.Errorf("its answer is larger than %d bytes", maxBytes)
		}
		left -= n
	}
	first, err := readFrame(in, int64(binary.LittleEndian.Uint64(lengths)))
	if err != nil {
		return nil, err
	}
	for i := uint64(1); i < count; i++ {
		if _, err := io.CopyN(io.Discard, in, int64(binary.LittleEndian.Uint64(lengths[8*i:]))); err != nil {
			return nil, notEOF(err)
		}
	}
	return first, nil
}

// readFrame reads n bytes. Memory grows with what arrives, not with what was announced.
func readFrame(in io.Reader, n int64) ([]byte, error) {
	out := make([]byte, min(n, smallRead))
	at := int64(0)
	for {
		got, err := io.ReadFull(in, out[at:])
		if err != nil {
			return nil, notEOF(err)
		}
		if at += int64(got); at == n {
			return out, nil
		}
		out = append(out, make([]byte, min(n-at, at))...)
	}
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the scheduler closed the connection")
	}
	return err
}
