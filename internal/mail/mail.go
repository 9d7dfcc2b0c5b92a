// Package mail sends mails through a mail server of one's own: SMTP with STARTTLS or TLS, with a plain and an HTML part.
package mail

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/lineitem/lineitem/internal/core/report"
)

// Security is how a connection to a mail server is protected.
type Security string

// Securities.
const (
	// SecurityStartTLS begins in the clear and refuses to go on without TLS.
	SecurityStartTLS Security = "starttls"
	// SecurityTLS is TLS from the first byte.
	SecurityTLS Security = "tls"
	// SecurityNone is for a mail server on the same machine.
	SecurityNone Security = "none"
)

// timeout bounds everything that is said to the mail server for one mail.
const timeout = time.Minute

// Config is a mail server and the sender's address.
type Config struct {
	// Address is host:port.
	Address string
	// From is the sender: an address, or a name and one in angle brackets.
	From string
	// User and Password sign in, where the server wants that.
	User, Password string
	Security       Security
	// Options are for tests, which have certificates of their own.
	Options []gomail.Option
}

// Sender sends mails. Each has a connection of its own: there are few.
type Sender struct{ config Config }

// NewSender makes a Sender.
func NewSender(c Config) *Sender { return &Sender{config: c} }

// Send hands a mail to the mail server, and returns nil once that has taken it.
func (s *Sender) Send(ctx context.Context, m report.Mail) error {
	message, err := s.message(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return fmt.Errorf("send a mail through %s: %w", s.config.Address, err)
	}
	return nil
}

func (s *Sender) message(m report.Mail) (*gomail.Msg, error) {
	message := gomail.NewMsg()
	if err := message.From(s.config.From); err != nil {
		return nil, fmt.Errorf("read the sender's address: %w", err)
	}
	if err := message.To(m.To); err != nil {
		return nil, fmt.Errorf("read the receiver's address: %w", err)
	}
	message.Subject(m.Subject)
	message.SetDate()
	if m.ID != "" {
		message.SetMessageIDWithValue(m.ID + "@" + s.domain())
	}
	// A machine wrote it: out-of-office answers are not wanted.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.UnsubscribeURL != "" {
		message.SetGenHeader("List-Unsubscribe", "<"+m.UnsubscribeURL+">")
		message.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	message.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return message, nil
}

// domain is that of the sender's address.
func (s *Sender) domain() string {
	_, domain, ok := strings.Cut(strings.TrimRight(s.config.From, ">"), "@")
	if !ok {
		return "localhost"
	}
	return domain
}

func (s *Sender) client() (*gomail.Client, error) {
	host, port, err := net.SplitHostPort(s.config.Address)
	if err != nil {
		return nil, fmt.Errorf("read the mail server's address: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("read the mail server's port: %w", err)
	}
	options := []gomail.Option{gomail.WithPort(number), gomail.WithTimeout(timeout)}
	switch s.config.Security {
	case SecurityTLS:
		options = append(options, gomail.WithSSL())
	case SecurityNone:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.config.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.config.User), gomail.WithPassword(s.config.Password))
	}
	client, err := gomail.NewClient(host, append(options, s.config.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("prepare the mail server: %w", err)
	}
	return client, nil
}
