package ingest

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Limits of a post.
const (
	maxBody     = 8 << 20
	maxBatch    = 1 << 20
	maxBatches  = 1000
	tokenMemory = 30 * time.Second
)

// Appender makes batches durable: all of them when it returns without an error. It may be called by many at once, and is free to let them share
// a transaction.
type Appender interface {
	AppendBatches(ctx context.Context, batches []usage.RawBatch) ([]bool, error)
}

// Tokens finds the cluster of an agent token.
type Tokens interface {
	ClusterByAgentToken(ctx context.Context, h identity.Hash) (cluster.ID, error)
}

// Retirees names the workers of a cluster that its scheduler should retire.
type Retirees interface {
	Retiring(id cluster.ID) []string
}

// Knobs steer the agents of all clusters.
type Knobs struct {
	SourceText   bool `json:"source_text"`
	RateHz       int  `json:"rate_hz"`
	FlushSeconds int  `json:"flush_seconds"`
}

// Config is what a Handler works with; all fields are needed but Registerer and Heard.
type Config struct {
	Tokens   Tokens
	Appender Appender
	Retirees Retirees
	// Heard is told of every post of a cluster that was understood, if not nil; it returns at once.
	Heard  func(id cluster.ID, at time.Time)
	Knobs  Knobs
	Logger *slog.Logger
	// Now is the clock.
	Now func() time.Time
	// Registerer takes the metrics, if not nil.
	Registerer prometheus.Registerer
}

// Handler serves POST /ingest/v1/batches.
type Handler struct {
	cfg    Config
	tokens sync.Map // identity.Hash -> knownToken
	// storing holds a place for each post that is being stored, so that a slow disk makes senders wait instead of memory grow.
	storing chan struct{}
	// posts counts those that are being answered.
	posts   atomic.Int64
	batches *prometheus.CounterVec
	bytes   prometheus.Counter
}

type knownToken struct {
	cluster cluster.ID
	until   time.Time
}

// maxStoring bounds how many posts are stored at once.
const maxStoring = 256

// New makes a Handler.
func New(cfg Config) *Handler {
	h := &Handler{
		cfg: cfg, storing: make(chan struct{}, maxStoring),
		batches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lineitem_ingest_batches_total", Help: "Telemetry batches received, by what became of them.",
		}, []string{"outcome"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lineitem_ingest_bytes_total", Help: "Bytes of telemetry received, as they travelled.",
		}),
	}
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(h.batches, h.bytes)
	}
	return h
}

// Busy reports whether agents wait for an answer at this moment: what can wait should let them go first.
func (h *Handler) Busy() bool { return h.posts.Load() > 0 }

// answer is the body of a success.
type answer struct {
	Accepted   int         `json:"accepted"`
	Duplicates int         `json:"duplicates"`
	Rejected   []rejection `json:"rejected"`
	Knobs      Knobs       `json:"knobs"`
	Retire     []string    `json:"retire"`
}

type rejection struct {
	Index   int    `json:"index"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ServeHTTP receives one post.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.posts.Add(1)
	defer h.posts.Add(-1)
	out, err := h.receive(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	write(w, http.StatusOK, out)
}

func (h *Handler) receive(w http.ResponseWriter, r *http.Request) (answer, error) {
	id, err := h.authenticate(r)
	if err != nil {
		return answer{}, err
	}
	travelled := &counted{ReadCloser: r.Body}
	r.Body = travelled
	body, err := read(w, r)
	h.bytes.Add(float64(travelled.bytes))
	if err != nil {
		return answer{}, err
	}
	envelope, err := decodeEnvelope(body)
	if err != nil {
		return answer{}, err
	}
	out := answer{Rejected: []rejection{}, Knobs: h.cfg.Knobs, Retire: h.cfg.Retirees.Retiring(id)}
	if out.Retire == nil {
		out.Retire = []string{}
	}
	raw := make([]usage.RawBatch, 0, len(envelope.Batches))
	now := h.cfg.Now()
	for i, payload := range envelope.Batches {
		b, err := check(id, payload)
		if err != nil {
			out.Rejected = append(out.Rejected, rejection{Index: i, Code: "invalid_batch", Message: messageOf(err)})
			continue
		}
		raw = append(raw, usage.RawBatch{
			ClusterID: id, ProcessID: b.Process, Kind: b.Kind, Epoch: b.Epoch, Seq: b.Seq, ReceivedAt: now, Payload: payload,
		})
	}
	if len(raw) > 0 {
		fresh, err := h.store(r.Context(), raw)
		if err != nil {
			return answer{}, err
		}
		for _, f := range fresh {
			if f {
				out.Accepted++
			} else {
				out.Duplicates++
			}
		}
	}
	if h.cfg.Heard != nil {
		h.cfg.Heard(id, now)
	}
	h.batches.WithLabelValues("accepted").Add(float64(out.Accepted))
	h.batches.WithLabelValues("duplicate").Add(float64(out.Duplicates))
	h.batches.WithLabelValues("rejected").Add(float64(len(out.Rejected)))
	return out, nil
}

// store makes batches durable. A sender that has gone does not undo it: others may share the transaction, and it sends again anyway.
func (h *Handler) store(ctx context.Context, raw []usage.RawBatch) ([]bool, error) {
	select {
	case h.storing <- struct{}{}:
		defer func() { <-h.storing }()
	default:
		return nil, errs.New(errs.Unavailable, "busy", "The server is behind with storing telemetry; nothing of this post was stored. Send it again later.")
	}
	return h.cfg.Appender.AppendBatches(context.WithoutCancel(ctx), raw)
}

func check(id cluster.ID, payload []byte) (*usage.Batch, error) {
	if len(payload) > maxBatch {
		return nil, errs.New(errs.TooLarge, "invalid_batch", "The batch has %d bytes; at most %d are allowed.", len(payload), maxBatch)
	}
	b, err := Decode(payload)
	if err != nil {
		return nil, err
	}
	return b, b.Validate(id)
}

// authenticate finds the cluster of the token. Known tokens are remembered for half a minute, because each scheduler posts every few seconds.
func (h *Handler) authenticate(r *http.Request) (cluster.ID, error) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	wrong := errs.New(errs.Unauthenticated, "", "The post needs the agent token of a cluster; nothing was stored.")
	if !ok || text == "" {
		return "", wrong
	}
	hash := cluster.HashAgentToken(text)
	now := h.cfg.Now()
	if known, ok := h.tokens.Load(hash); ok {
		if token, ok := known.(knownToken); ok && now.Before(token.until) {
			return token.cluster, nil
		}
		h.tokens.Delete(hash)
	}
	id, err := h.cfg.Tokens.ClusterByAgentToken(r.Context(), hash)
	if errs.Is(err, errs.NotFound) {
		return "", wrong
	}
	if err != nil {
		return "", fmt.Errorf("find agent token: %w", err)
	}
	h.tokens.Store(hash, knownToken{cluster: id, until: now.Add(tokenMemory)})
	return id, nil
}

// counted counts what is read.
type counted struct {
	io.ReadCloser
	bytes int
}

// Read reads.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.bytes += n
	return n, err
}

// read returns the body, unpacked if it is packed, within the limit on either form.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	tooLarge := errs.New(errs.TooLarge, "", "The post is larger than %d bytes; nothing was stored. Send fewer batches at once.", maxBody)
	var body io.Reader = http.MaxBytesReader(w, r.Body, maxBody)
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, errs.Wrap(err, errs.Invalid, "", "The body is not gzip, though its header says so; nothing was stored.")
		}
		body = unpacked
	default:
		return nil, errs.New(errs.Invalid, "", "Content-Encoding %.40q is not known; use gzip or none. Nothing was stored.", encoding)
	}
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over) || len(data) > maxBody:
		return nil, tooLarge
	case err != nil:
		return nil, errs.Wrap(err, errs.Invalid, "", "The body could not be read to its end; nothing was stored.")
	}
	return data, nil
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := map[errs.Kind]int{
		errs.Invalid: http.StatusBadRequest, errs.Unauthenticated: http.StatusUnauthorized,
		errs.TooLarge: http.StatusRequestEntityTooLarge, errs.Unavailable: http.StatusServiceUnavailable,
	}[errs.KindOf(err)]
	level := slog.LevelWarn
	if status == 0 {
		status, level = http.StatusServiceUnavailable, slog.LevelError // an agent keeps what it could not deliver
	}
	if status == http.StatusServiceUnavailable {
		h.cfg.Logger.Log(r.Context(), level, "telemetry was not stored", slog.Any("error", err))
		w.Header().Set("Retry-After", "5")
	}
	code := string(errs.KindOf(err))
	var e *errs.Error
	if errors.As(err, &e) {
		code = e.CodeOrKind()
	}
	write(w, status, map[string]any{"code": code, "message": messageOf(err), "fields": []string{}})
}

// messageOf returns what a sender may read of an error.
func messageOf(err error) string {
	var e *errs.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "The server could not store the telemetry; send it again later."
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a sender that has gone sends again
}
