package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/sdk"
)

const tagCost = "cost"

type timelineInput struct {
	ClusterRef
	Bins int `query:"bins" minimum:"1" maximum:"1000" default:"120"`
}

func (s *server) billRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/bill", "get-bill", tagCost, "Say where a cluster's money went, by line"), s.bill)
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/timeline", "get-timeline", tagCost, "Show what the workers did over time"), s.timeline)
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/submissions", "list-submissions", tagCost, "List who asked a cluster for what, and its cost"), s.submissions)
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/reads", "list-reads", tagCost, "List what a cluster read and wrote, and its cost"), s.reads)
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/receipt", "get-receipt", tagCost, "Say what a client's work since a moment cost"), s.receipt)
}

func (s *server) bill(ctx context.Context, in *ClusterRef) (*body[sdk.Bill], error) {
	b, err := s.Bills.Bill(ctx, s.Now(), actorOf(ctx), in.Ref)
	if err != nil {
		return nil, err
	}
	return answer(billToAPI(b)), nil
}

func (s *server) timeline(ctx context.Context, in *timelineInput) (*body[sdk.Timeline], error) {
	t, err := s.Bills.Timeline(ctx, s.Now(), actorOf(ctx), in.Ref, in.Bins)
	if err != nil {
		return nil, err
	}
	return answer(timelineToAPI(t)), nil
}
