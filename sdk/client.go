package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	apiBase = "/api/v1"
	// maxAnswerBytes bounds what is read of one answer: logs of a large cluster fit, a runaway server does not.
	maxAnswerBytes = 256 << 20
	defaultTimeout = 60 * time.Second
)

// Client speaks to one Lineitem server. It may be used by several goroutines at once. Its methods return an *APIError
// where the server refused, and an *UnreachableError where no server answered.
type Client struct {
	base      *url.URL
	token     string
	userAgent string
	http      *http.Client
}

// Option changes a Client while it is made.
type Option func(*Client)

// WithHTTPClient makes the client send its requests through c, for instance one with a cookie jar or its own transport.
func WithHTTPClient(c *http.Client) Option { return func(client *Client) { client.http = c } }

// WithUserAgent sets what the client calls itself.
func WithUserAgent(name string) Option { return func(client *Client) { client.userAgent = name } }

// New returns a client of the server at baseURL ("http://127.0.0.1:8470"). An empty token suits the routes that need none.
func New(baseURL, token string, options ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimSpace(baseURL))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("%q is not the address of a server; an address looks like http://127.0.0.1:8470", baseURL)
	}
	base = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: strings.TrimRight(base.Path, "/")}
	c := &Client{
		base: base, token: strings.TrimSpace(token), userAgent: "lineitem-sdk",
		http: &http.Client{Timeout: defaultTimeout},
	}
	for _, option := range options {
		option(c)
	}
	return c, nil
}

// BaseURL is the address of the server, without a slash at its end.
func (c *Client) BaseURL() string { return c.base.String() }

// APIError is a refusal by the server.
type APIError struct {
	// Status is the HTTP status.
	Status int
	// Code is stable, for programs: "not_found", "cluster_not_running".
	Code string
	// Message is a sentence for people.
	Message string
	// Fields points at wrong inputs.
	Fields []FieldError
	// RequestID finds the request in the server's log.
	RequestID string
}

// Error returns the sentence, followed by the wrong inputs where they say more.
func (e *APIError) Error() string {
	if len(e.Fields) < 2 {
		return e.Message
	}
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "\n  %s: %s", f.Name, f.Message)
	}
	return b.String()
}

// IsCode reports whether err is a refusal by the server with that code.
func IsCode(err error, code string) bool {
	var e *APIError
	return errors.As(err, &e) && e.Code == code
}

// UnreachableError says that no server answered: the request may or may not have arrived.
type UnreachableError struct {
	// URL is the address of the server.
	URL string
	Err error
}

// Error returns a sentence with the cause.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no Lineitem server answers at %s: %v", e.URL, e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Ready asks whether the server can work; nil means yes.
func (c *Client) Ready(ctx context.Context) error {
	return c.send(ctx, http.MethodGet, c.base.JoinPath("readyz"), nil, nil)
}

// call makes a request of the API and decodes the answer into out, unless out is nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	u, err := c.address(path, query)
	if err != nil {
		return err
	}
	return c.send(ctx, method, u, in, out)
}

func (c *Client) address(path string, query url.Values) (*url.URL, error) {
	// The path's parts are escaped already, so it is parsed and not joined, which would escape them again.
	u, err := c.base.Parse(c.base.EscapedPath() + apiBase + path)
	if err != nil {
		return nil, fmt.Errorf("address of %s: %w", path, err)
	}
	u.RawQuery = query.Encode()
	return u, nil
}

// download fetches a file of the API.
func (c *Client) download(ctx context.Context, path string, query url.Values) ([]byte, error) {
	u, err := c.address(path, query)
	if err != nil {
		return nil, err
	}
	return c.exchange(ctx, http.MethodGet, u, "*/*", nil)
}

// call makes a request of the API and returns its answer.
func call[T any](ctx context.Context, c *Client, method, path string, query url.Values, in any) (T, error) {
	var out T
	err := c.call(ctx, method, path, query, in, &out)
	return out, err
}

// csvBody is a body that is sent as it is.
type csvBody []byte

// csvStream is a body that is sent as it is read.
type csvStream struct{ io.Reader }

func (c *Client) send(ctx context.Context, method string, u *url.URL, in, out any) error {
	data, err := c.exchange(ctx, method, u, "application/json", in)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s does not answer like a Lineitem server: %w", c.base, err)
	}
	return nil
}

// exchange makes a request and returns the body of its answer.
func (c *Client) exchange(ctx context.Context, method string, u *url.URL, accept string, in any) ([]byte, error) {
	var body io.Reader
	mediaType := "application/json"
	switch in := in.(type) {
	case nil:
	case csvStream:
		mediaType, body = "text/csv", in.Reader
	case csvBody:
		mediaType, body = "text/csv", bytes.NewReader(in)
	default:
		data, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if in != nil {
		request.Header.Set("Content-Type", mediaType)
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("User-Agent", c.userAgent)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	client := *c.http
	if _, streams := in.(csvStream); streams {
		client.Timeout = 0 // it takes as long as the file is large; ctx still ends it
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if len(data) > maxAnswerBytes {
		return nil, fmt.Errorf("the answer of %s is larger than %d bytes; ask for less", u.Path, maxAnswerBytes)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, apiError(response, data)
	}
	return data, nil
}

// unreachable leaves the caller's own end of patience alone, and drops net/http's repetition of method and address.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &UnreachableError{URL: c.base.String(), Err: err}
}

func apiError(response *http.Response, data []byte) error {
	e := &APIError{Status: response.StatusCode, RequestID: response.Header.Get("X-Request-Id")}
	var wire Error
	if json.Unmarshal(data, &wire) == nil && wire.Message != "" {
		e.Code, e.Message, e.Fields = wire.Code, wire.Message, wire.Fields
		return e
	}
	// Something between us and the server answered, or it is no Lineitem server.
	e.Code = fmt.Sprintf("http_%d", response.StatusCode)
	e.Message = fmt.Sprintf("%s answered %s, without saying why.", response.Request.URL.Host, response.Status)
	return e
}
