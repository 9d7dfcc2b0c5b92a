package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/lineitem/lineitem/sdk"
)

// defaultServer is where "lineitem server" listens unless it is told otherwise.
const defaultServer = "http://127.0.0.1:8470"

// connection knows which server the user means, and how to talk to it.
type connection struct {
	process Process
	server  string // of the flag --server
}

// address returns the server that was asked for by flag or environment, "" if none was.
func (c *connection) address() string {
	if c.server != "" {
		return normalServer(c.server)
	}
	return normalServer(c.process.getenv("LINEITEM_SERVER"))
}

// client returns a client of the server that is meant: by flag, environment, the last login, else this machine's own.
func (c *connection) client() (*sdk.Client, error) {
	saved, err := loadCredentials(c.process)
	if err != nil {
		return nil, err
	}
	address := c.address()
	if address == "" {
		address = saved.Default
	}
	if address == "" {
		address = defaultServer
	}
	return c.clientOf(address, saved)
}

func (c *connection) clientOf(address string, saved credentialsFile) (*sdk.Client, error) {
	token := c.process.getenv("LINEITEM_TOKEN")
	if token == "" {
		token = saved.Servers[normalServer(address)].Token
	}
	return c.clientWith(address, token)
}

func (c *connection) clientWith(address, token string) (*sdk.Client, error) {
	return sdk.New(address, token, sdk.WithUserAgent("lineitem-cli/"+c.process.Version))
}

// find returns a cluster by id or name. A name means a live cluster of the caller; where there is none, the newest ended one that the
// caller may see: the bill of a cluster is most wanted just after its end.
func find(ctx context.Context, client *sdk.Client, ref string) (sdk.Cluster, error) {
	cluster, err := client.GetCluster(ctx, ref)
	if err == nil || !sdk.IsCode(err, "not_found") || strings.HasPrefix(ref, "cl_") {
		return cluster, err
	}
	notFound := err
	options := sdk.ListClustersOptions{Statuses: []string{"stopped", "failed"}, Limit: pageSize}
	for {
		page, err := client.ListClusters(ctx, options)
		if err != nil {
			return sdk.Cluster{}, fmt.Errorf("look for ended clusters: %w", err)
		}
		for _, item := range page.Items {
			if item.Name == ref {
				return item, nil
			}
		}
		if page.NextCursor == "" {
			return sdk.Cluster{}, notFound
		}
		options.Cursor = page.NextCursor
	}
}

// pageSize is how many clusters are asked for at once where all are wanted.
const pageSize = 100
