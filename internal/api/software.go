package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/sdk"
)

const tagSoftware = "software"

type packagesInput struct {
	Name    string `query:"name" maxLength:"200" doc:"A distribution, or a top-level module that it brings; all by default" example:"xgboost"`
	Version string `query:"version" maxLength:"200" doc:"A range of versions (PEP 440)" example:"<2"`
	Grade   string `query:"grade" enum:"installed,imported,seen" default:"installed" doc:"The least grade"`
	Cluster string `query:"cluster" maxLength:"200" doc:"Id, or the name of a live cluster of the caller; all that the caller may see by default"`
}

type environmentInput struct {
	ID string `path:"environment_id" minLength:"1" maxLength:"64" doc:"SHA-256 of its content"`
}

func (s *server) softwareRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/packages", "list-packages", tagSoftware, "Say who has which package, and what its use cost"), s.packages)
	register(s, a, operation(http.MethodGet, "/environments/{environment_id}", "get-environment", tagSoftware, "Show what is installed in an environment"), s.environment)
}

var grades = map[string]inventory.Grade{
	sdk.GradeInstalled: inventory.Installed, sdk.GradeImported: inventory.Imported, sdk.GradeSeen: inventory.Seen,
}

func (s *server) packages(ctx context.Context, in *packagesInput) (*body[sdk.PackageList], error) {
	list, err := s.Inventory.Packages(ctx, s.Now(), actorOf(ctx), inventory.Query{
		Name: in.Name, Range: in.Version, Grade: grades[in.Grade], Cluster: in.Cluster,
	})
	if err != nil {
		return nil, err
	}
	return answer(sdk.PackageList{Currency: string(list.Currency), Items: convert(list.Items, packageToAPI), Skipped: list.Skipped}), nil
}

func (s *server) environment(ctx context.Context, in *environmentInput) (*body[sdk.Environment], error) {
	e, err := s.Inventory.Environment(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return answer(environmentToAPI(e)), nil
}

func packageToAPI(p inventory.PackageUse) sdk.PackageUse {
	return sdk.PackageUse{
		Name: p.Name, Version: p.Version, Grade: p.Grade.String(), ClusterID: string(p.Cluster.ID), ClusterName: p.Cluster.Name, Owner: p.Owner.Name,
		Where: convert(p.Roles, func(role string) string { return role }), Environment: p.Environment, Python: p.Python, LastAt: p.LastAt.UTC(),
		CostNanos: int64(p.Cost), ClusterCostNanos: int64(p.ClusterCost),
	}
}

func environmentToAPI(e usage.Environment) sdk.Environment {
	return sdk.Environment{
		ID: e.ID, Python: e.Python, Implementation: e.Implementation, Platform: e.Platform, Details: filled(e.Details),
		Packages: convert(e.Packages, func(p usage.Package) sdk.EnvironmentPackage {
			return sdk.EnvironmentPackage{Name: p.Name, Version: p.Version, Manager: p.Manager}
		}),
	}
}
