// Package errs holds the one error type of the product: a kind for the caller, a sentence for the user, a cause for
// the operator's log. Anything that is not an *Error is internal, and its text never reaches a user.
package errs

import (
	"errors"
	"fmt"
)

// Kind says what an error means to the caller; internal/api maps kinds to HTTP status codes.
type Kind string

// Kinds of errors. Their texts are the default codes on the wire.
const (
	Invalid         Kind = "invalid"         // the input is wrong; Fields says where
	Unauthenticated Kind = "unauthenticated" // nobody, or a token that is not valid
	Forbidden       Kind = "forbidden"       // known, and not allowed
	NotFound        Kind = "not_found"       // not there, or not the caller's to see
	Conflict        Kind = "conflict"        // the thing is in a state that does not allow this
	TooLarge        Kind = "too_large"       // the input is larger than allowed
	Unavailable     Kind = "unavailable"     // try again later
	Internal        Kind = "internal"        // a fault of ours
)

// Field points at one wrong input.
type Field struct {
	// Name is the path of the input as the caller wrote it: "options.n_workers".
	Name string
	// Message is a sentence: what is wrong and what would be right.
	Message string
}

// Error is what services return.
type Error struct {
	Kind Kind
	// Code is stable and more precise than the kind, for programs: "cluster_not_running". Empty means the kind.
	Code string
	// Message is a sentence for the user: what happened, what was (not) changed, what to do.
	Message string
	Fields  []Field
	cause   error
}

// New makes an error of a kind with a message for the user.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an error of a kind with a message for the user and a cause for the log.
func Wrap(cause error, kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...), cause: cause}
}

// InvalidFields makes an Invalid error from the wrong fields, or nil if there are none.
func InvalidFields(fields ...Field) error {
	if len(fields) == 0 {
		return nil
	}
	message := fields[0].Message
	if len(fields) > 1 {
		message = fmt.Sprintf("%d inputs are wrong; nothing was changed.", len(fields))
	}
	return &Error{Kind: Invalid, Message: message, Fields: fields}
}

// Error returns the message, and the cause where there is one: for logs.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// CodeOrKind returns the code, or the kind where no code was given.
func (e *Error) CodeOrKind() string {
	if e.Code != "" {
		return e.Code
	}
	return string(e.Kind)
}

// KindOf returns the kind of err: Internal for anything that is not an *Error, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of err, or its kind where it has none; "" for nil.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.CodeOrKind()
	}
	return string(KindOf(err))
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return KindOf(err) == kind }
