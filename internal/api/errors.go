package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/sdk"
)

// statusOf is the one place where kinds of errors meet HTTP.
var statusOf = map[errs.Kind]int{
	errs.Invalid:         http.StatusUnprocessableEntity,
	errs.Unauthenticated: http.StatusUnauthorized,
	errs.Forbidden:       http.StatusForbidden,
	errs.NotFound:        http.StatusNotFound,
	errs.Conflict:        http.StatusConflict,
	errs.TooLarge:        http.StatusRequestEntityTooLarge,
	errs.Unavailable:     http.StatusServiceUnavailable,
	errs.Internal:        http.StatusInternalServerError,
}

// statusClientGone is nginx's word for a caller who hung up: nobody reads the answer, but the log should not blame us.
const statusClientGone = 499

// FieldError is one wrong input.
type FieldError = sdk.FieldError

// Error is the body of every answer that is not a success, with the status that goes with it. It has the fields of
// sdk.Error, and makes huma speak it.
type Error struct {
	Code    string       `json:"code" doc:"Stable word for programs" example:"not_found"`
	Message string       `json:"message" doc:"Sentence for people: what happened, what was (not) changed, what to do"`
	Fields  []FieldError `json:"fields" nullable:"false" doc:"Wrong inputs"`
	status  int
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Message }

// GetStatus returns the HTTP status.
func (e *Error) GetStatus() int { return e.status }

// GetHeaders returns the headers that go with the status; huma sends them.
func (e *Error) GetHeaders() http.Header {
	if e.status != http.StatusUnauthorized {
		return nil
	}
	return http.Header{"Www-Authenticate": {`Bearer realm="lineitem"`}}
}

// wireError turns any error into one that may be shown. What is not meant for users goes to the log under the request's id.
func (s *server) wireError(ctx context.Context, err error) *Error {
	var wire *Error
	if errors.As(err, &wire) {
		if wire.status >= http.StatusInternalServerError {
			s.failed(ctx, slog.LevelError, err)
		}
		return wire
	}
	var known *errs.Error
	if errors.As(err, &known) && known.Kind != errs.Internal {
		if statusOf[known.Kind] >= http.StatusInternalServerError {
			s.failed(ctx, slog.LevelWarn, err)
		}
		fields := make([]FieldError, len(known.Fields))
		for i, f := range known.Fields {
			fields[i] = FieldError{Name: f.Name, Message: f.Message}
		}
		return &Error{status: statusOf[known.Kind], Code: known.CodeOrKind(), Message: known.Message, Fields: fields}
	}
	info := infoOf(ctx)
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return &Error{status: statusClientGone, Code: "client_gone", Message: "The request was given up by its sender.", Fields: []FieldError{}}
	}
	s.failed(ctx, slog.LevelError, err)
	return internalError(info.id)
}

// failed logs why a request ends with a status of 500 or more, and leaves it to the record of the request, too: no such answer is without a cause in the log, even if its
// sender has gone meanwhile.
func (s *server) failed(ctx context.Context, level slog.Level, err error) {
	info := infoOf(ctx)
	info.cause = err.Error()
	s.Logger.LogAttrs(ctx, level, "request failed", slog.String(keyRequestID, info.id), slog.String(keyRoute, info.route), slog.String(keyError, info.cause))
}

func internalError(requestID string) *Error {
	return &Error{
		status: http.StatusInternalServerError, Code: string(errs.Internal), Fields: []FieldError{},
		Message: fmt.Sprintf("The server failed; its log says why under request %s. Try again, and show this to whoever runs the server if it goes on.", requestID),
	}
}

// customizeHuma makes huma's errors ours. Its settings are global to the process, so they are made once.
var customizeHuma = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, details ...error) huma.StatusError {
		return inputError(ctx.Method(), status, message, details)
	}
	huma.NewError = func(status int, message string, details ...error) huma.StatusError {
		return inputError("", status, message, details)
	}
	// encoding/json takes "N_WORKERS" for "n_workers"; a contract does not.
	huma.ValidateStrictCasing = true
	validation.MsgUnexpectedProperty = "This field is not known; check its name."
	validation.MsgExpectedRequiredProperty = requiredPrefix + "%s"
	validation.MsgExpectedInteger = "Must be a whole number."
	validation.MsgExpectedNumber = "Must be a number."
	validation.MsgExpectedString = "Must be a text."
	validation.MsgExpectedBoolean = "Must be true or false."
	validation.MsgExpectedArray = "Must be a list."
	validation.MsgExpectedObject = "Must be an object."
	validation.MsgExpectedOneOf = `Must be one of "%s".`
	validation.MsgExpectedMinimumNumber = "Must be at least %v."
	validation.MsgExpectedMaximumNumber = "Must be at most %v."
	validation.MsgExpectedMinLength = "Must have at least %d characters."
	validation.MsgExpectedMaxLength = "Must have at most %d characters."
	validation.MsgExpectedMinItems = "Must have at least %d items."
	validation.MsgExpectedMaxItems = "Must have at most %d items."
	validation.MsgExpectedRFC3339DateTime = "Must be a time like 2026-01-31T12:00:00Z."
})

// requiredPrefix marks huma's complaint about a missing property, which it locates at the parent.
const requiredPrefix = "missing: "

// inputError makes our error from what huma found wrong with a request.
func inputError(method string, status int, message string, details []error) *Error {
	e := &Error{status: status, Code: string(errs.Invalid), Fields: []FieldError{}}
	unchanged := ""
	if method != http.MethodGet && method != http.MethodHead {
		unchanged = " Nothing was changed."
	}
	for _, err := range details {
		if f, ok := fieldError(err); ok {
			e.Fields = append(e.Fields, f)
		}
	}
	// huma finds unknown fields in the order of a map.
	slices.SortStableFunc(e.Fields, func(a, b FieldError) int { return cmp.Compare(a.Name, b.Name) })
	switch status {
	case http.StatusBadRequest:
		e.Code = "malformed"
		e.Message = "The request has no body; it needs one in JSON." + unchanged
		if len(e.Fields) > 0 {
			e.Message = e.Fields[0].Message + unchanged
			e.Fields = []FieldError{}
		}
	case http.StatusRequestEntityTooLarge:
		e.Code = string(errs.TooLarge)
		limit := maxBodyBytes + 1
		// huma names the limit of the route; should it not, ours of most routes is right.
		_, _ = fmt.Sscanf(message, "request body is too large limit=%d bytes", &limit)
		e.Message = fmt.Sprintf("The body is larger than %d bytes.", limit-1) + unchanged
	case http.StatusUnsupportedMediaType:
		e.Code = "unsupported_media_type"
		e.Message = "The body must be JSON, sent as Content-Type: application/json." + unchanged
		e.Fields = []FieldError{}
	case http.StatusRequestTimeout:
		e.Code = "timeout"
		e.Message = "The body did not arrive in time." + unchanged
	case http.StatusInternalServerError:
		// huma could not read the body to its end: the connection broke, or the body's framing is wrong.
		e.status, e.Code = http.StatusBadRequest, "malformed"
		e.Message = "The body could not be read to its end." + unchanged
		e.Fields = []FieldError{}
	default:
		switch len(e.Fields) {
		case 0:
			e.Message = message + "." + unchanged
		case 1:
			e.Message = "Wrong input " + e.Fields[0].Name + ": " + e.Fields[0].Message + unchanged
		default:
			e.Message = fmt.Sprintf("%d inputs are wrong.", len(e.Fields)) + unchanged
		}
	}
	return e
}

func fieldError(err error) (FieldError, bool) {
	if err == nil {
		return FieldError{}, false
	}
	var detailer huma.ErrorDetailer
	if !errors.As(err, &detailer) {
		return FieldError{Name: "body", Message: sentence(err.Error())}, true
	}
	d := detailer.ErrorDetail()
	// The place is "body.options.n_workers" or "query.limit"; people know it without the first word.
	name := d.Location
	if _, rest, ok := strings.Cut(d.Location, "."); ok {
		name = rest
	}
	if name == "" {
		name = `""` // somebody sent a field without a name
	}
	if missing, ok := strings.CutPrefix(d.Message, requiredPrefix); ok {
		if name == "body" {
			return FieldError{Name: missing, Message: "This field is required."}, true
		}
		return FieldError{Name: name + "." + missing, Message: "This field is required."}, true
	}
	return FieldError{Name: name, Message: sentence(d.Message)}, true
}

// sentence makes a sentence of a complaint of huma's that has no text of ours.
func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	if rest, ok := strings.CutPrefix(text, "expected "); ok {
		return "Expected " + rest + "."
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
