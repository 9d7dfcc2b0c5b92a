package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/pki"
)

const id cluster.ID = "cl_01jzzzzzzzzzzzzzzzzzzzzzzz"

func mint(t *testing.T, id cluster.ID, now time.Time) cluster.CredentialSet {
	t.Helper()
	set, err := pki.Mint(id, now)
	if err != nil {
		t.Fatalf("Mint: %v", err)
	}
	return set
}

func parse(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(text)
	if block == nil || len(rest) != 0 {
		t.Fatalf("want exactly one PEM block, got %q", text)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatalf("parse certificate: %v", err)
	}
	return cert
}

func pool(t *testing.T, c cluster.Credentials) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(c.CA) {
		t.Fatal("CA is not a certificate")
	}
	return p
}

func TestChainVerifiesForItsUsesOnly(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	set := mint(t, id, now)
	for _, tc := range []struct {
		role           string
		c              cluster.Credentials
		server, client bool
	}{
		{"scheduler", set.Scheduler, true, true},
		{"worker", set.Worker, true, true},
		{"client", set.Client, false, true},
	} {
		t.Run(tc.role, func(t *testing.T) {
			t.Parallel()
			cert := parse(t, tc.c.Certificate)
			if want := string(id) + " " + tc.role; cert.Subject.CommonName != want {
				t.Errorf("common name = %q, want %q", cert.Subject.CommonName, want)
			}
			verify := func(usage x509.ExtKeyUsage, at time.Time) error {
				_, err := cert.Verify(x509.VerifyOptions{
					Roots: pool(t, tc.c), KeyUsages: []x509.ExtKeyUsage{usage}, CurrentTime: at, DNSName: "127.0.0.1",
				})
				return err
			}
			if err := verify(x509.ExtKeyUsageServerAuth, now); (err == nil) != tc.server {
				t.Errorf("as a server: %v, want it to verify: %v", err, tc.server)
			}
			if err := verify(x509.ExtKeyUsageClientAuth, now); (err == nil) != tc.client {
				t.Errorf("as a client: %v, want it to verify: %v", err, tc.client)
			}
			if err := verify(x509.ExtKeyUsageClientAuth, now.Add(pki.Validity+time.Second)); err == nil {
				t.Error("still valid after its validity")
			}
			if err := verify(x509.ExtKeyUsageClientAuth, now.Add(-time.Minute)); err != nil {
				t.Errorf("not valid on a machine whose clock is a minute behind: %v", err)
			}
			if cert.IsCA {
				t.Error("a role's certificate must not sign others")
			}
		})
	}
}

func TestRolesHaveTheirOwnKeys(t *testing.T) {
	t.Parallel()
	set := mint(t, id, time.Now())
	seen := [][]byte{}
	for _, c := range []cluster.Credentials{set.Scheduler, set.Worker, set.Client} {
		pair, err := tls.X509KeyPair(c.Certificate, c.Key)
		if err != nil {
			t.Fatalf("certificate and key do not belong together: %v", err)
		}
		key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
		if !ok || key.Curve != elliptic.P256() {
			t.Fatalf("key is %T, want ECDSA on P-256", pair.PrivateKey)
		}
		for _, other := range seen {
			if bytes.Equal(other, c.Key) {
				t.Error("two roles share a key")
			}
		}
		seen = append(seen, c.Key)
		if !bytes.Equal(c.CA, set.Scheduler.CA) {
			t.Error("roles of one cluster have different authorities")
		}
		if ca := parse(t, c.CA); key.PublicKey.Equal(ca.PublicKey) {
			t.Error("a role holds the authority's key")
		}
	}
}

// handshake runs a TLS 1.3 handshake and one byte each way between the two identities, as Dask's peers do.
func handshake(t *testing.T, server, client cluster.Credentials) error {
	t.Helper()
	config := func(c cluster.Credentials) *tls.Config {
		pair, err := tls.X509KeyPair(c.Certificate, c.Key)
		if err != nil {
			t.Fatalf("load key pair: %v", err)
		}
		return &tls.Config{
			Certificates: []tls.Certificate{pair}, RootCAs: pool(t, c), ClientCAs: pool(t, c),
			ClientAuth: tls.RequireAndVerifyClientCert, ServerName: "localhost", MinVersion: tls.VersionTLS13,
		}
	}
	a, b := net.Pipe()
	served := make(chan error, 1)
	go func() {
		conn := tls.Server(a, config(server))
		_, err := conn.Write([]byte{1})
		_ = a.Close() // not conn: its goodbye would wait for a reader
		served <- err
	}()
	conn := tls.Client(b, config(client))
	_, err := conn.Read(make([]byte, 1))
	_ = b.Close()
	return errors.Join(err, <-served)
}

func TestMutualHandshake(t *testing.T) {
	t.Parallel()
	now := time.Now()
	set, other := mint(t, id, now), mint(t, "cl_01jyyyyyyyyyyyyyyyyyyyyyyy", now)
	for _, tc := range []struct {
		name           string
		server, client cluster.Credentials
		ok             bool
	}{
		{"client to scheduler", set.Scheduler, set.Client, true},
		{"worker to scheduler", set.Scheduler, set.Worker, true},
		{"scheduler to worker", set.Worker, set.Scheduler, true},
		{"client to worker", set.Worker, set.Client, true},
		{"another cluster's client", set.Scheduler, other.Client, false},
		{"another cluster's worker", set.Scheduler, other.Worker, false},
		{"a client that poses as scheduler", set.Client, set.Worker, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if err := handshake(t, tc.server, tc.client); (err == nil) != tc.ok {
				t.Errorf("handshake: %v, want it to succeed: %v", err, tc.ok)
			}
		})
	}
}

func TestMintTwiceSharesNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	if err := handshake(t, mint(t, id, now).Scheduler, mint(t, id, now).Client); err == nil {
		t.Error("identities minted twice for one id trust each other")
	}
}

func TestMintRefusesBadID(t *testing.T) {
	t.Parallel()
	for _, bad := range []cluster.ID{"", cluster.ID(strings.Repeat("x", 60))} {
		if set, err := pki.Mint(bad, time.Now()); err == nil || set.Client.Key != nil {
			t.Errorf("Mint(%q) = %v, %v, want an error and nothing else", bad, set, err)
		}
	}
}
