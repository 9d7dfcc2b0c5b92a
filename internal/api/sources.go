package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/sdk"
)

type sourceInput struct {
	ClusterRef
	File string `query:"file" required:"true" minLength:"1" maxLength:"4096" doc:"As the bill names it"`
}

type putSourceInput struct {
	ClusterRef
	Body sdk.PutSourceRequest
}

func (s *server) sourceRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/sources", "list-sources", tagCost, "List files of user code, without their texts"), s.sources)
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/source", "get-source", tagCost, "Read a file of user code"), s.source)
	register(s, a, operation(http.MethodPut, "/clusters/{cluster_id}/source", "put-source", tagCost, "Send a file of user code that the server wants"), s.putSource)
}

func (s *server) sources(ctx context.Context, in *ClusterRef) (*body[sdk.SourceList], error) {
	sources, err := s.Bills.Sources(ctx, actorOf(ctx), in.Ref)
	if err != nil {
		return nil, err
	}
	return answer(sdk.SourceList{Items: convert(sources, sourceToAPI)}), nil
}

func (s *server) source(ctx context.Context, in *sourceInput) (*body[sdk.Source], error) {
	source, err := s.Bills.Source(ctx, actorOf(ctx), in.Ref, in.File)
	if err != nil {
		return nil, err
	}
	return answer(sourceToAPI(source)), nil
}

func (s *server) putSource(ctx context.Context, in *putSourceInput) (*struct{}, error) {
	return nil, s.Bills.PutSource(ctx, actorOf(ctx), in.Ref, in.Body.File, in.Body.Text)
}
