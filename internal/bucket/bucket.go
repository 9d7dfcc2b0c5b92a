// Package bucket keeps immutable files in an S3-compatible bucket, and those that were used lately in a local folder of bounded size. A file
// has one name in both, and never changes: what is in the folder with the right size is the file.
package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Credentials are what a bucket is opened with; none are needed where the machine has a role.
type Credentials struct {
	AccessKey, SecretKey, SessionToken string
	Region                             string
}

// CredentialsFrom reads the variables that all tools of S3 know.
func CredentialsFrom(lookup func(string) (string, bool)) Credentials {
	get := func(name string) string { text, _ := lookup(name); return text }
	return Credentials{
		AccessKey: get("AWS_ACCESS_KEY_ID"), SecretKey: get("AWS_SECRET_ACCESS_KEY"), SessionToken: get("AWS_SESSION_TOKEN"),
		Region: cmp.Or(get("AWS_REGION"), get("AWS_DEFAULT_REGION")),
	}
}

// Address is where a bucket is.
type Address struct {
	// Endpoint is a host, with a port where it is not the usual one.
	Endpoint string
	Secure   bool
	Bucket   string
	// Prefix begins the keys of all files; empty or ending in a slash.
	Prefix string
}

// awsEndpoint is Amazon's; the client finds the region's own.
const awsEndpoint = "s3.amazonaws.com"

// ParseAddress reads s3://bucket/prefix, which is Amazon's, or https://host/bucket/prefix, which is anybody's.
func ParseAddress(text string) (Address, error) {
	const forms = "give s3://bucket/prefix, or https://host/bucket/prefix for a server of your own"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return Address{}, fmt.Errorf("is no address: %s", forms) // the error of url would repeat what may hold a secret
	case u.User != nil:
		return Address{}, errors.New("holds a user or password: give those as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case u.RawQuery != "" || u.Fragment != "" || u.Host == "":
		return Address{}, fmt.Errorf("is no address of a bucket: %s", forms)
	}
	a, rest := Address{Endpoint: u.Host, Secure: u.Scheme != "http"}, strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "s3":
		a.Endpoint, a.Bucket = awsEndpoint, u.Host
	case "http", "https":
		a.Bucket, rest, _ = strings.Cut(rest, "/")
	default:
		return Address{}, fmt.Errorf("is no address of a bucket: %s", forms)
	}
	if !validBucket(a.Bucket) || (rest != "" && path.Clean("/"+rest) != "/"+rest) {
		return Address{}, fmt.Errorf("names no bucket, or a prefix that is no path: %s", forms)
	}
	if rest != "" {
		a.Prefix = rest + "/"
	}
	return a, nil
}

// validBucket follows S3's rules for names.
func validBucket(name string) bool {
	return len(name) >= 3 && len(name) <= 63 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == "" && strings.Trim(name, ".-") == name
}

// Bucket is a bucket, from some prefix on.
type Bucket struct {
	client  *minio.Client
	address Address
}

// Open connects and checks that the bucket is there. Nothing is written.
func Open(ctx context.Context, a Address, c Credentials) (*Bucket, error) {
	keys := credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken)
	if c.AccessKey == "" {
		keys = credentials.NewIAM("")
	}
	client, err := minio.New(a.Endpoint, &minio.Options{Creds: keys, Secure: a.Secure, Region: c.Region})
	if err != nil {
		return nil, fmt.Errorf("open the bucket %s at %s: %w", a.Bucket, a.Endpoint, err)
	}
	there, err := client.BucketExists(ctx, a.Bucket)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open the bucket %s at %s: %w; check the address and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION", a.Bucket, a.Endpoint, err)
	case !there:
		return nil, fmt.Errorf("there is no bucket %s at %s: make it, or give another", a.Bucket, a.Endpoint)
	}
	return &Bucket{client: client, address: a}, nil
}

// Put uploads a file. When it has returned without an error the bucket has all of it.
func (b *Bucket) Put(ctx context.Context, name, file string) error {
	about, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	info, err := b.client.FPutObject(ctx, b.address.Bucket, b.address.Prefix+name, file, minio.PutObjectOptions{ContentType: "application/vnd.apache.parquet"})
	if err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	if info.Size != about.Size() {
		return fmt.Errorf("upload %s: the bucket has %d bytes of %d", name, info.Size, about.Size())
	}
	return nil
}

// ErrMissing is returned for a file that is not in the bucket.
var ErrMissing = fmt.Errorf("it is not in the bucket: %w", fs.ErrNotExist)

// get writes a file to an open one.
func (b *Bucket) get(ctx context.Context, name string, to *os.File) (int64, error) {
	object, err := b.client.GetObject(ctx, b.address.Bucket, b.address.Prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return 0, err
	}
	defer object.Close() //nolint:errcheck // only read
	n, err := to.ReadFrom(object)
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
		return 0, ErrMissing
	}
	return n, err
}

// Remove deletes files; one that is not there is no error.
func (b *Bucket) Remove(ctx context.Context, names ...string) error {
	var failures []error
	for _, name := range names {
		if err := b.client.RemoveObject(ctx, b.address.Bucket, b.address.Prefix+name, minio.RemoveObjectOptions{}); err != nil {
			failures = append(failures, fmt.Errorf("remove %s: %w", name, err))
		}
	}
	return errors.Join(failures...)
}

// List yields all files; an error ends it.
func (b *Bucket) List(ctx context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for o := range b.client.ListObjects(ctx, b.address.Bucket, minio.ListObjectsOptions{Prefix: b.address.Prefix, Recursive: true}) {
			f := File{Name: strings.TrimPrefix(o.Key, b.address.Prefix), Bytes: o.Size, Written: o.LastModified}
			if o.Err != nil {
				yield(File{}, fmt.Errorf("list the bucket: %w", o.Err))
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// File is one of the bucket.
type File struct {
	Name    string
	Bytes   int64
	Written time.Time
}
