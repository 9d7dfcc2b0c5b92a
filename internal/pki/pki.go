// Package pki mints the TLS identities of clusters.
//
// Each cluster has a certificate authority of its own, whose key exists only while Mint runs. So nobody, not even
// the server, can later make a further identity for a cluster, and a certificate of one cluster is worthless at another.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

const (
	// Validity is how long the identities of a cluster last, longer than any cluster should.
	Validity = 90 * 24 * time.Hour
	// skew is how far behind the server's the clock of another machine may be.
	skew = 5 * time.Minute
	// maxCommonName is the limit of X.520 for a common name.
	maxCommonName = 64
)

// Both directions: schedulers and workers accept connections and open them, to each other and among workers. Dask verifies
// a peer it connects to as a server and a peer that connects to it as a client.
var serverAndClient = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}

// A Dask client only opens connections, so a stolen client identity cannot pose as a scheduler or worker.
var clientOnly = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}

// Mint makes the identities of the three roles of one cluster, each with its own key, valid from shortly before now.
// Scheduler and worker certificates are also good for 127.0.0.1 and localhost.
func Mint(id cluster.ID, now time.Time) (cluster.CredentialSet, error) {
	if id == "" {
		return cluster.CredentialSet{}, fmt.Errorf("mint credentials: the cluster has no id")
	}
	a, err := newAuthority(id, now)
	if err != nil {
		return cluster.CredentialSet{}, fmt.Errorf("mint credentials of cluster %s: %w", id, err)
	}
	var set cluster.CredentialSet
	for _, role := range []struct {
		name  string
		usage []x509.ExtKeyUsage
		into  *cluster.Credentials
	}{
		{"scheduler", serverAndClient, &set.Scheduler},
		{"worker", serverAndClient, &set.Worker},
		{"client", clientOnly, &set.Client},
	} {
		if *role.into, err = a.issue(string(id)+" "+role.name, role.usage, now); err != nil {
			return cluster.CredentialSet{}, fmt.Errorf("mint credentials of cluster %s: %s: %w", id, role.name, err)
		}
	}
	return set, nil
}

// authority signs the certificates of one cluster; it is dropped with its key when Mint returns.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(id cluster.ID, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	template, err := newTemplate(string(id)+" CA", now)
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.MaxPathLenZero = true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse authority: %w", err)
	}
	return &authority{cert: cert, key: key, pem: encode("CERTIFICATE", der)}, nil
}

func (a *authority) issue(name string, usage []x509.ExtKeyUsage, now time.Time) (cluster.Credentials, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return cluster.Credentials{}, fmt.Errorf("generate key: %w", err)
	}
	template, err := newTemplate(name, now)
	if err != nil {
		return cluster.Credentials{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = usage
	template.BasicConstraintsValid = true
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return cluster.Credentials{}, fmt.Errorf("sign certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return cluster.Credentials{}, fmt.Errorf("encode key: %w", err)
	}
	return cluster.Credentials{CA: a.pem, Certificate: encode("CERTIFICATE", der), Key: encode("PRIVATE KEY", private)}, nil
}

func newTemplate(name string, now time.Time) (*x509.Certificate, error) {
	if len(name) > maxCommonName {
		return nil, fmt.Errorf("name %q is longer than the %d characters that a certificate allows", name, maxCommonName)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Lineitem"}},
		NotBefore:    now.Add(-skew).UTC(),
		NotAfter:     now.Add(Validity).UTC(),
	}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
