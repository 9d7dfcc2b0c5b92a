package cli

import (
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/cli/clitest"
	"github.com/lineitem/lineitem/sdk"
)

// TestPackageAnswers pins how answers about software look, in every format.
func TestPackageAnswers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 19, 12, 0, 0, 0, time.UTC)
	ask := sdk.PackageOptions{Name: "xgboost", Version: "<2"}
	used := sdk.PackageUse{
		Name: "xgboost", Version: "1.7.6", Grade: "seen", ClusterID: "cl_2", ClusterName: "flights-x3k2", Owner: "ana", Where: []string{"client", "worker"},
		Environment: "0a0b", Python: "3.11.7", LastAt: now.Add(-time.Hour), CostNanos: 310_200_000, ClusterCostNanos: 730_400_000,
	}
	having := used
	having.Grade, having.ClusterID, having.ClusterName, having.Where, having.CostNanos = "installed", "cl_1", "first, \"quoted\"", []string{"scheduler"}, 0
	having.LastAt = now.AddDate(-1, 0, 0)
	environment := sdk.Environment{
		ID: "0a0b", Python: "3.11.7", Implementation: "CPython", Platform: "Linux-6.1-x86_64-with-glibc2.36", Details: map[string]string{"glibc": "2.36"},
		Packages: []sdk.EnvironmentPackage{{Name: "xgboost", Version: "1.7.6", Manager: "pip"}, {Name: "zlib", Version: "1.3", Manager: "conda"}},
	}
	for name, a := range map[string]answer{
		"packages":         packagesAnswer(sdk.PackageList{Currency: "USD", Items: []sdk.PackageUse{used, having}}, ask, now),
		"packages-skipped": packagesAnswer(sdk.PackageList{Currency: "USD", Items: []sdk.PackageUse{used}, Skipped: 1}, ask, now),
		"packages-none":    packagesAnswer(sdk.PackageList{Currency: "USD", Items: []sdk.PackageUse{}, Skipped: 12}, ask, now),
		"environment":      environmentAnswer(environment),
	} {
		clitest.Golden(t, "answer/"+name+".txt", printed(t, a, "table"))
		clitest.Golden(t, "answer/"+name+".json", printed(t, a, "json"))
		clitest.Golden(t, "answer/"+name+".csv", printed(t, a, "csv"))
	}
}
