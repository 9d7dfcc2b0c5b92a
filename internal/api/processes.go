package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/sdk"
)

type eventsInput struct {
	ClusterRef
	Limit int `query:"limit" minimum:"1" maximum:"200" default:"100"`
}

type logsInput struct {
	ClusterRef
	Process   string `query:"process" maxLength:"200" doc:"Name or id of one process; empty for all" example:"w-0"`
	TailBytes int64  `query:"tail_bytes" minimum:"1" maximum:"8388608" default:"65536" doc:"About so many bytes from the end of each"`
}

func (s *server) processRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/processes", "list-processes", tagClusters, "List processes, ended ones too"), s.processes)
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/events", "list-events", tagClusters, "List events, newest first"), s.events)
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/logs", "get-logs", tagClusters, "Read the output of processes"), s.logs)
}

func (s *server) processes(ctx context.Context, in *ClusterRef) (*body[sdk.ProcessList], error) {
	processes, err := s.Clusters.Processes(ctx, s.Now(), actorOf(ctx), in.Ref)
	if err != nil {
		return nil, err
	}
	return answer(sdk.ProcessList{Items: convert(processes, processToAPI)}), nil
}

func (s *server) events(ctx context.Context, in *eventsInput) (*body[sdk.EventList], error) {
	events, err := s.Clusters.Events(ctx, actorOf(ctx), in.Ref, in.Limit)
	if err != nil {
		return nil, err
	}
	return answer(sdk.EventList{Items: convert(events, eventToAPI)}), nil
}

func (s *server) logs(ctx context.Context, in *logsInput) (*body[sdk.LogsList], error) {
	logs, err := s.Clusters.Logs(ctx, actorOf(ctx), in.Ref, in.Process, in.TailBytes)
	if err != nil {
		return nil, err
	}
	return answer(sdk.LogsList{Items: convert(logs, logToAPI)}), nil
}
