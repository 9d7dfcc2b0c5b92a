// Package mailtest runs a real mail server within a test, which keeps what it is sent.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Message is a mail as the server took it.
type Message struct {
	From string
	To   []string
	// Data is the mail with its headers.
	Data string
	// User is who had signed in, Encrypted whether the connection was.
	User      string
	Encrypted bool
}

// Server is a mail server on loopback. It ends with the test.
type Server struct {
	// Address is host:port; Client trusts the server's certificate.
	Address string
	Client  *tls.Config

	mu       sync.Mutex
	messages []Message
	refuse   error
}

// Option changes a server before it starts.
type Option func(*smtp.Server, *settings)

type settings struct {
	implicit       bool
	user, password string
}

// WithTLS has the server speak TLS from the first byte.
func WithTLS() Option { return func(_ *smtp.Server, s *settings) { s.implicit = true } }

// WithSignIn has the server take mails of one user only.
func WithSignIn(user, password string) Option {
	return func(_ *smtp.Server, s *settings) { s.user, s.password = user, password }
}

// WithoutTLS has the server know no TLS.
func WithoutTLS() Option { return func(s *smtp.Server, _ *settings) { s.TLSConfig = nil } }

// Start starts a mail server that offers STARTTLS.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	certificate, pool := selfSigned(t)
	s := &Server{Client: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}}
	var set settings
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: s, set: &set, conn: c}, nil }))
	server.Domain, server.ReadTimeout, server.WriteTimeout = "mail.test", time.Minute, time.Minute
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	for _, option := range options {
		option(server, &set)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = listener.Addr().String()
	if set.implicit {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("mail server: %v", err)
		}
	})
	return s
}

// Messages are the mails that were taken so far.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Refuse has the server refuse all mails with an error; nil has it take them again.
func (s *Server) Refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = err
}

type session struct {
	server  *Server
	set     *settings
	conn    *smtp.Conn
	message Message
}

func (s *session) AuthMechanisms() []string {
	if s.set.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.set.user || password != s.set.password {
			return smtp.ErrAuthFailed
		}
		s.message.User = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.set.user != "" && s.message.User == "" {
		return smtp.ErrAuthRequired
	}
	s.message.From = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.message.To = append(s.message.To, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, s.message.Encrypted = s.conn.TLSConnectionState()
	s.message.Data = string(data)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.refuse != nil {
		return s.server.refuse
	}
	s.server.messages = append(s.server.messages, s.message)
	return nil
}

func (s *session) Reset() { s.message = Message{User: s.message.User} }

func (s *session) Logout() error { return nil }

func selfSigned(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
