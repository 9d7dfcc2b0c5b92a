package api

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// OpenAPI returns the contract of the API as indented JSON. It needs no server: it follows from the declarations alone.
func OpenAPI() ([]byte, error) {
	return encodeContract((&server{}).routes(http.NewServeMux()))
}

func encodeContract(a huma.API) ([]byte, error) {
	raw, err := json.Marshal(a.OpenAPI())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// openAPIHandler serves the contract. That it can be encoded is checked by a test, since it never changes at run time.
func openAPIHandler(a huma.API) http.Handler {
	contract, err := encodeContract(a)
	if err != nil {
		panic("encode the API's contract: " + err.Error())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(contract) // a reader that went away is its own affair
	})
}
