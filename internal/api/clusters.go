package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/sdk"
)

const tagClusters = "clusters"

type createClusterInput struct {
	Body sdk.CreateClusterRequest
}

type watchClusterInput struct {
	Body sdk.WatchRequest
}

type listClustersInput struct {
	Status []string `query:"status" enum:"pending,starting,running,stopping,stopped,failed" doc:"Only these, separated by commas"`
	Limit  int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string   `query:"cursor" maxLength:"200" doc:"next_cursor of the page before"`
}

type scaleInput struct {
	ClusterRef
	Body sdk.ScaleRequest
}

func (s *server) clusterRoutes(a huma.API) {
	register(s, a, created(operation(http.MethodPost, "/clusters", "create-cluster", tagClusters, "Ask for a cluster")), s.createCluster)
	register(s, a, created(operation(http.MethodPost, "/clusters/watched", "watch-cluster", tagClusters, "Announce a cluster that Lineitem did not start")), s.watchCluster)
	register(s, a, operation(http.MethodGet, "/clusters", "list-clusters", tagClusters, "List clusters, newest first"), s.listClusters)
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}", "get-cluster", tagClusters, "Show a cluster"), s.getCluster)
	register(s, a, operation(http.MethodPost, "/clusters/{cluster_id}/scale", "scale-cluster", tagClusters, "Set how many workers are wanted"), s.scaleCluster)
	register(s, a, operation(http.MethodPost, "/clusters/{cluster_id}/stop", "stop-cluster", tagClusters, "End a cluster"), s.stopCluster)
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/credentials", "get-credentials", tagClusters,
		"Get what a Dask client needs to connect"), s.credentials)
}

func (s *server) createCluster(ctx context.Context, in *createClusterInput) (*body[sdk.Cluster], error) {
	view, err := s.Clusters.Create(ctx, s.Now(), actorOf(ctx), cluster.CreateInput{
		Name: in.Body.Name, Backend: in.Body.Backend, Group: in.Body.Group, Options: optionsFromAPI(in.Body.Options),
	})
	if err != nil {
		return nil, err
	}
	return answer(s.clusterToAPI(view)), nil
}

func (s *server) watchCluster(ctx context.Context, in *watchClusterInput) (*body[sdk.WatchAnswer], error) {
	w, err := s.Clusters.Watch(ctx, s.Now(), actorOf(ctx), cluster.WatchInput{
		Name: in.Body.Name, Deployment: in.Body.Deployment, Method: in.Body.Method, SchedulerAddress: in.Body.SchedulerAddress,
		DashboardURL: in.Body.DashboardURL, SchedulerKey: in.Body.SchedulerID, Group: in.Body.Group,
	})
	if err != nil {
		return nil, err
	}
	return answer(sdk.WatchAnswer{Cluster: s.clusterToAPI(w.View), Process: string(w.Scheduler), AgentToken: w.Token.Text}), nil
}

func (s *server) listClusters(ctx context.Context, in *listClustersInput) (*body[sdk.ClusterList], error) {
	statuses := make([]cluster.Status, len(in.Status))
	for i, status := range in.Status {
		statuses[i] = cluster.Status(status)
	}
	views, next, err := s.Clusters.List(ctx, s.Now(), actorOf(ctx),
		cluster.ListInput{Statuses: statuses, Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return answer(sdk.ClusterList{Items: convert(views, s.clusterToAPI), NextCursor: next}), nil
}

func (s *server) getCluster(ctx context.Context, in *ClusterRef) (*body[sdk.Cluster], error) {
	view, err := s.Clusters.Get(ctx, s.Now(), actorOf(ctx), in.Ref)
	if err != nil {
		return nil, err
	}
	out := s.clusterToAPI(view)
	out.SourcesWanted, err = s.Bills.SourcesWanted(ctx, view.Cluster.ID)
	if err != nil {
		return nil, err
	}
	return answer(out), nil
}

func (s *server) scaleCluster(ctx context.Context, in *scaleInput) (*body[sdk.Cluster], error) {
	view, err := s.Clusters.Scale(ctx, s.Now(), actorOf(ctx), in.Ref,
		cluster.ScaleInput{Workers: in.Body.Workers, Remove: in.Body.Remove})
	if err != nil {
		return nil, err
	}
	return answer(s.clusterToAPI(view)), nil
}

func (s *server) stopCluster(ctx context.Context, in *ClusterRef) (*body[sdk.Cluster], error) {
	view, err := s.Clusters.Stop(ctx, s.Now(), actorOf(ctx), in.Ref)
	if err != nil {
		return nil, err
	}
	return answer(s.clusterToAPI(view)), nil
}

func (s *server) credentials(ctx context.Context, in *ClusterRef) (*body[sdk.Credentials], error) {
	c, credentials, err := s.Clusters.Credentials(ctx, actorOf(ctx), in.Ref)
	if err != nil {
		return nil, err
	}
	return answer(sdk.Credentials{
		SchedulerAddress: c.SchedulerAddress,
		CAPEM:            string(credentials.CA),
		CertificatePEM:   string(credentials.Certificate),
		KeyPEM:           string(credentials.Key),
	}), nil
}
