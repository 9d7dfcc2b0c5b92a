package api

import (
	"bytes"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/export"
)

// basicKey marks operations that take an API token as the password of HTTP Basic, too: tools that open files by their address know nothing else.
const basicKey = "basic"

// file is an answer that is a file of its own kind.
type file struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (s *server) profileRoutes(a huma.API) {
	for _, f := range []struct {
		path, id, summary, contentType string
		write                          func(*bytes.Buffer, bill.Bill) error
	}{
		{"profile.pb.gz", "get-profile-pprof", "Save a cluster's bill as a profile for pprof", "application/octet-stream", s.pprof},
		{"profile.speedscope.json", "get-profile-speedscope", "Save a cluster's bill as a profile for speedscope", "application/json", s.speedscope},
		{"profile.folded", "get-profile-folded", "Save a cluster's bill as folded stacks", "text/plain; charset=utf-8", func(out *bytes.Buffer, b bill.Bill) error {
			return export.Folded(out, export.NewProfile(b))
		}},
		{"bill.csv", "get-bill-csv", "Save a cluster's bill as a table", "text/csv; charset=utf-8", func(out *bytes.Buffer, b bill.Bill) error {
			return export.CSV(out, b)
		}},
	} {
		register(s, a, download(operation(http.MethodGet, "/clusters/{cluster_id}/"+f.path, f.id, tagCost, f.summary), f.contentType),
			func(ctx context.Context, in *ClusterRef) (*file, error) {
				b, err := s.Bills.Bill(ctx, s.Now(), actorOf(ctx), in.Ref)
				if err != nil {
					return nil, err
				}
				var out bytes.Buffer
				if err := f.write(&out, b); err != nil {
					return nil, err
				}
				return &file{
					ContentType: f.contentType, Disposition: `attachment; filename="` + string(b.ClusterID) + "." + f.path + `"`, Body: out.Bytes(),
				}, nil
			})
	}
}

// download makes an operation one that answers a file, and takes HTTP Basic.
func download(op huma.Operation, contentType string) huma.Operation {
	op.Metadata = map[string]any{basicKey: true}
	op.Security = append(op.Security, map[string][]string{"password": {}})
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The file", Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
	}}
	return op
}

func (s *server) pprof(out *bytes.Buffer, b bill.Bill) error {
	return export.Pprof(out, export.NewProfile(b), s.PublicURL+"/clusters/"+string(b.ClusterID))
}

func (s *server) speedscope(out *bytes.Buffer, b bill.Bill) error {
	return export.Speedscope(out, export.NewProfile(b), "lineitem "+s.Version)
}
