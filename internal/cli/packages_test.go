package cli_test

import (
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/cli"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

func TestWrongUseOfPackages(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"packages --grade used":               `--grade is installed, imported or seen, not "used".`,
		"packages --imported --seen":          `Give one of --grade, --imported and --seen.`,
		"packages --imported --grade=seen":    `Give one of --grade, --imported and --seen.`,
		"packages xgboost":                    `"xgboost" is one argument too many.`,
		"environment":                         `ENVIRONMENT is missing.`,
		"environment 0a0b 0c0d":               `"0c0d" is one argument too many.`,
		"packages --name xgboost --output no": `there is no format "no"`,
	} {
		result := start(t, cli.Process{Args: strings.Fields(command)})
		if result.status != 2 || result.stdout != "" || !strings.Contains(result.stderr, want) || strings.Count(result.stderr, "\n") != 1 {
			t.Errorf("%s: %+v, want 2 and %q", command, result, want)
		}
	}
}

func TestPackagesOfAServer(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "flights"})
	u := newTerminal(t)
	link, err := s.App.SignInURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u.must(t, "login", link)
	if got := u.must(t, "packages", "--cluster", c.ID, "--version", ">=1,<2", "--seen"); got != "No cluster that you may see has such a package.\n" {
		t.Errorf("prints %q", got)
	}
	if result := u.enter(t, "packages", "--version", "old"); result.status != 2 ||
		!strings.Contains(result.stderr, `--version: "old" is not a range of versions. Write comparisons separated by commas`) {
		t.Errorf("a wrong range is answered %+v", result)
	}
	if result := u.enter(t, "packages", "--cluster", "nowhere"); result.status != 1 || !strings.Contains(result.stderr, "nowhere") {
		t.Errorf("an unknown cluster is answered %+v", result)
	}
	if result := u.enter(t, "environment", "0a0b"); result.status != 1 || !strings.Contains(result.stderr, `There is no environment "0a0b" that you may see.`) {
		t.Errorf("an unknown environment is answered %+v", result)
	}
}
