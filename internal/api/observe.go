package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lineitem/lineitem/internal/core/errs"
)

// Keys of log records. No record holds a query, a body, a header or a cookie: those may carry secrets.
const (
	keyRequestID = "request_id"
	keyRoute     = "route"
	keyMethod    = "method"
	keyStatus    = "status"
	keySeconds   = "duration_seconds"
	keyUserID    = "user_id"
	keyError     = "error"
	keyStack     = "stack"
)

// requestInfo is what is known of the request in progress, for the log and the metrics. It rides in the request's context and is
// written by that request's goroutine only.
type requestInfo struct {
	id string
	// route is the pattern that matched, "" where none did: a bounded set, unlike paths.
	route  string
	userID string
	// cause is why the server could not answer.
	cause string
}

type infoKey struct{}

// infoOf returns the info of a request, or an empty one outside of any.
func infoOf(ctx context.Context) *requestInfo {
	if info, ok := ctx.Value(infoKey{}).(*requestInfo); ok {
		return info
	}
	return &requestInfo{}
}

type metrics struct {
	requests *prometheus.HistogramVec
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "lineitem_http_request_seconds", Help: "Time to answer requests.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "route", "status"})}
	registry.MustRegister(m.requests)
	return m
}

// metricsHandler shows the server's own figures to everybody who can reach it, as a Prometheus without a token expects, and what is spent to admins: by a token
// of theirs, or in their browser.
func (s *server) metricsHandler() http.Handler {
	open := promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{})
	full := promhttp.HandlerFor(prometheus.Gatherers{s.Registry, s.Spending}, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, err := s.authenticate(r, false)
		// Who shows a token should be told that it is not good; who shows none, or has been signed out, is anybody.
		if err != nil && (r.Header.Get("Authorization") != "" || !errs.Is(err, errs.Unauthenticated)) {
			s.refuse(w, r, err)
			return
		}
		infoOf(r.Context()).userID = string(actor.User.ID)
		if actor.Scope().All {
			full.ServeHTTP(w, r)
			return
		}
		open.ServeHTTP(w, r)
	})
}

// observed gives every request an id, logs it and measures it.
func (s *server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info := &requestInfo{id: newRequestID()}
		r = r.WithContext(context.WithValue(r.Context(), infoKey{}, info))
		w.Header().Set("X-Request-Id", info.id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		watched := &statusWriter{ResponseWriter: w}
		start := time.Now() // not the server's clock, which tests move
		next.ServeHTTP(watched, r)
		seconds := time.Since(start).Seconds()
		s.metrics.requests.WithLabelValues(methodLabel(r.Method), info.route, strconv.Itoa(watched.code())).Observe(seconds)
		attrs := []slog.Attr{
			slog.String(keyRequestID, info.id), slog.String(keyMethod, r.Method), slog.String(keyRoute, info.route),
			slog.Int(keyStatus, watched.code()), slog.Float64(keySeconds, seconds), slog.String(keyUserID, info.userID),
		}
		if watched.code() >= http.StatusInternalServerError {
			attrs = append(attrs, slog.String(keyError, cmp.Or(info.cause, watched.said(), "its handler did not say why")))
		}
		s.Logger.LogAttrs(r.Context(), requestLevel(r.Method, info.route, watched.code()), "request answered", attrs...)
	})
}

// requestLevel keeps what polls (pages, agents, probes) out of the usual log.
func requestLevel(method, route string, status int) slog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return slog.LevelWarn
	case method == http.MethodGet, method == http.MethodHead, route == "/ingest/v1/batches", route == "/":
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// methodLabel bounds the metric's label: a method is whatever the sender writes.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// recovered turns a panic into an answer and a record of the log, so that one bad request does not take others along.
func (s *server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so too
				panic(fault)
			}
			info := infoOf(r.Context())
			info.cause = fmt.Sprint(fault)
			s.Logger.LogAttrs(r.Context(), slog.LevelError, "request panicked", slog.String(keyRequestID, info.id),
				slog.String(keyRoute, info.route), slog.Any(keyError, fault), slog.String(keyStack, string(debug.Stack())))
			if watched, ok := w.(*statusWriter); !ok || watched.status == 0 {
				write(w, internalError(info.id))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// statusWriter remembers the status of the answer, and how the text of a failure begins.
type statusWriter struct {
	http.ResponseWriter
	status int
	text   []byte
}

// maxSaid is how much of the text of a failure is remembered: what handlers of other packages say, who log their causes themselves.
const maxSaid = 300

// said is the beginning of the text of a failure.
func (w *statusWriter) said() string { return strings.ToValidUTF8(string(w.text), "") }

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if room := maxSaid - len(w.text); w.status >= http.StatusInternalServerError && room > 0 {
		w.text = append(w.text, b[:min(len(b), room)]...)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read aborts the program instead
	return hex.EncodeToString(b[:])
}
