package mail_test

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	gomail "github.com/wneessen/go-mail"

	"github.com/lineitem/lineitem/internal/core/report"
	"github.com/lineitem/lineitem/internal/mail"
	"github.com/lineitem/lineitem/internal/mail/mailtest"
)

var message = report.Mail{
	To: "ana@example.org", Subject: "Spend in 2026-W47: €1,234 of it waste", Text: "Grüße\n", HTML: "<p>Grüße</p>", ID: "report.2026-W47.own.us_1",
	UnsubscribeURL: "https://lineitem.example.org/reports/unsubscribe?token=abc",
}

func sender(s *mailtest.Server, change func(*mail.Config)) *mail.Sender {
	c := mail.Config{Address: s.Address, From: "Lineitem <lineitem@example.org>", Security: mail.SecurityStartTLS, Options: []gomail.Option{gomail.WithTLSConfig(s.Client)}}
	if change != nil {
		change(&c)
	}
	return mail.NewSender(c)
}

func TestMailArrivesWhole(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.WithSignIn("ruth", "secret"))
	if err := sender(s, func(c *mail.Config) { c.User, c.Password = "ruth", "secret" }).Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()
	if len(got) != 1 || got[0].From != "lineitem@example.org" || len(got[0].To) != 1 || got[0].To[0] != "ana@example.org" || got[0].User != "ruth" || !got[0].Encrypted {
		t.Fatalf("%+v", got)
	}
	m, err := netmail.ReadMessage(strings.NewReader(got[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != message.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"Message-ID": "<report.2026-W47.own.us_1@example.org>", "List-Unsubscribe": "<" + message.UnsubscribeURL + ">",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Auto-Submitted": "auto-generated", "From": `"Lineitem" <lineitem@example.org>`,
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("it is %s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for _, want := range []struct{ kind, body string }{{"text/plain", "Grüße\n"}, {"text/html", "<p>Grüße</p>"}} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part)
		if got := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || !strings.HasPrefix(part.Header.Get("Content-Type"), want.kind) || strings.TrimSpace(got) != strings.TrimSpace(want.body) {
			t.Errorf("part %s: %q, %v; want %s %q", part.Header.Get("Content-Type"), got, err, want.kind, want.body)
		}
	}
}

func TestSecurities(t *testing.T) {
	t.Parallel()
	implicit := mailtest.Start(t, mailtest.WithTLS())
	if err := sender(implicit, func(c *mail.Config) { c.Security = mail.SecurityTLS }).Send(t.Context(), message); err != nil || len(implicit.Messages()) != 1 {
		t.Errorf("TLS from the first byte: %v", err)
	}
	open := mailtest.Start(t, mailtest.WithoutTLS())
	if err := sender(open, func(c *mail.Config) { c.Security = mail.SecurityNone }).Send(t.Context(), message); err != nil || len(open.Messages()) != 1 {
		t.Errorf("no TLS: %v", err)
	}
	// A server that cannot, or somebody between who hides that it can, gets no mail.
	if err := sender(open, nil).Send(t.Context(), message); err == nil || len(open.Messages()) != 1 {
		t.Errorf("STARTTLS with a server that has none: %v, %d mails", err, len(open.Messages()))
	}
	// Nor does one whose certificate is not trusted.
	stranger := mailtest.Start(t)
	if err := sender(stranger, func(c *mail.Config) { c.Options = nil }).Send(t.Context(), message); err == nil || len(stranger.Messages()) != 0 {
		t.Errorf("a certificate that nobody trusts: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.WithSignIn("ruth", "secret"))
	if err := sender(s, func(c *mail.Config) { c.User, c.Password = "ruth", "wrong-password" }).Send(t.Context(), message); err == nil || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("a wrong password: %v", err)
	}
	busy := mailtest.Start(t)
	busy.Refuse(&smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "come back later"})
	if err := sender(busy, nil).Send(t.Context(), message); err == nil || !strings.Contains(err.Error(), "come back later") {
		t.Errorf("a refusal: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	if err := errors.Join(listener.Close()); err != nil {
		t.Fatal(err)
	}
	if err := sender(busy, func(c *mail.Config) { c.Address = nobody }).Send(t.Context(), message); err == nil || !strings.Contains(err.Error(), nobody) {
		t.Errorf("nobody there: %v", err)
	}
	bad := message
	bad.To = "not an address"
	if err := sender(busy, nil).Send(t.Context(), bad); err == nil {
		t.Error("it was sent to no address")
	}
}
