package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// maxBodyBytes bounds the body of a request.
const maxBodyBytes = 1 << 20

// publicKey marks operations that do not need to know the caller.
const publicKey = "public"

// operation describes a route. The first word of its id is the verb, the summary a sentence without full stop.
func operation(method, path, id, tag, summary string) huma.Operation {
	return huma.Operation{
		Method: method, Path: base + path, OperationID: id, Tags: []string{tag}, Summary: summary,
		// huma refuses a body of exactly the limit, we the first byte beyond it.
		MaxBodyBytes:                 maxBodyBytes + 1,
		BodyReadTimeout:              30 * time.Second,
		RejectUnknownQueryParameters: true,
		Security:                     []map[string][]string{{"token": {}}, {"session": {}}},
	}
}

func created(op huma.Operation) huma.Operation {
	op.DefaultStatus = http.StatusCreated
	return op
}

// public opens an operation to callers who are nobody.
func public(op huma.Operation) huma.Operation {
	op.Metadata = map[string]any{publicKey: true}
	op.Security = []map[string][]string{}
	return op
}

// register adds a route whose errors are turned into ours.
func register[I, O any](s *server, a huma.API, op huma.Operation, handle func(ctx context.Context, in *I) (*O, error)) {
	huma.Register(a, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.wireError(ctx, err)
		}
		return out, nil
	})
}

// body is an answer that is nothing but its body.
type body[T any] struct {
	Body T
}

func answer[T any](v T) *body[T] { return &body[T]{Body: v} }

// ClusterRef is the path parameter of all that belongs to a cluster. It is exported because huma looks at exported fields only.
type ClusterRef struct {
	Ref string `path:"cluster_id" minLength:"1" maxLength:"200" doc:"Id, or the name of a live cluster of the caller"`
}

// humaConfig leaves out what huma adds to an API by default: its own documentation pages, $schema in every body.
func humaConfig() huma.Config {
	format := huma.Format{Marshal: marshalJSON, Unmarshal: unmarshalJSON}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "Lineitem",
				Version: "v1",
				Description: "Money is in whole nano-units (billionths) of the named currency, times are RFC 3339 in UTC. " +
					"Errors are {code, message, fields}. What you may not see is answered with 404.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token":    {Type: "http", Scheme: "bearer", Description: "API token"},
					"password": {Type: "http", Scheme: "basic", Description: "API token as the password, with any user name; downloads only"},
					"session":  {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Signed-in browser"},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
	}
}

func marshalJSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// unmarshalJSON decodes a body. The texts of its errors are for the sender.
func unmarshalJSON(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		// huma has checked the types by now, so what is left is a number that does not fit.
		return fmt.Errorf("The %s of %s does not fit.", wrongType.Value, wrongType.Field) //nolint:revive,staticcheck // a sentence for the user
	case err != nil:
		return fmt.Errorf("The body is not valid JSON: %w.", err) //nolint:revive,staticcheck // a sentence for the user
	}
	// Databases and operating systems end texts at NUL; no text of ours needs one. The search spares the walk in nearly all cases.
	if parsed, ok := v.(*any); ok && bytes.Contains(data, []byte(`\u0000`)) && holdsNUL(*parsed) {
		return errors.New("The body holds a text with a NUL character (\\u0000), which no field takes.") //nolint:revive,staticcheck // a sentence for the user
	}
	return nil
}

func holdsNUL(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		for _, item := range v {
			if holdsNUL(item) {
				return true
			}
		}
	case map[string]any:
		for key, item := range v {
			if strings.ContainsRune(key, 0) || holdsNUL(item) {
				return true
			}
		}
	}
	return false
}
