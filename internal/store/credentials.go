package store

import (
	"context"
	"fmt"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// The three roles that hold credentials in a cluster.
const (
	roleScheduler = "scheduler"
	roleWorker    = "worker"
	roleClient    = "client"
)

// SetCredentials keeps the credentials of a cluster and the hash of its agent token.
func (db *DB) SetCredentials(ctx context.Context, id cluster.ID, set cluster.CredentialSet, agentToken cluster.AgentToken) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		q := db.write(ctx)
		for _, each := range []struct {
			role string
			held cluster.Credentials
		}{{roleScheduler, set.Scheduler}, {roleWorker, set.Worker}, {roleClient, set.Client}} {
			err := q.SetCredentials(ctx, sqlcgen.SetCredentialsParams{
				ClusterID: string(id), Role: each.role,
				Ca: bytesToDB(each.held.CA), Certificate: bytesToDB(each.held.Certificate), PrivateKey: bytesToDB(each.held.Key),
			})
			if err != nil {
				return fail("keep credentials", err)
			}
		}
		return fail("keep an agent token", q.SetAgentToken(ctx, sqlcgen.SetAgentTokenParams{
			ClusterID: string(id), Hash: string(agentToken.Hash), Text: agentToken.Text,
		}))
	})
}

// CredentialsByCluster returns the credentials of a cluster that lives.
func (db *DB) CredentialsByCluster(ctx context.Context, id cluster.ID) (cluster.CredentialSet, cluster.AgentToken, error) {
	var set cluster.CredentialSet
	var token cluster.AgentToken
	err := db.Snapshot(ctx, func(ctx context.Context) error {
		q := db.read(ctx)
		rows, err := q.ListCredentialsByCluster(ctx, string(id))
		if err != nil {
			return fail("read credentials", err)
		}
		if len(rows) == 0 {
			return notFound("credentials")
		}
		for _, row := range rows {
			held := cluster.Credentials{CA: row.Ca, Certificate: row.Certificate, Key: row.PrivateKey}
			switch row.Role {
			case roleScheduler:
				set.Scheduler = held
			case roleWorker:
				set.Worker = held
			case roleClient:
				set.Client = held
			default:
				return fmt.Errorf("read credentials of %s: unknown role %q", id, row.Role)
			}
		}
		row, err := q.GetAgentTokenByCluster(ctx, string(id))
		if err != nil {
			return found("read an agent token", "agent token", err)
		}
		token = cluster.AgentToken{Hash: identity.Hash(row.Hash), Text: row.Text}
		return nil
	})
	if err != nil {
		return cluster.CredentialSet{}, cluster.AgentToken{}, err
	}
	return set, token, nil
}

// ClusterByAgentToken finds the cluster to which an agent token belongs, an ended one too.
func (db *DB) ClusterByAgentToken(ctx context.Context, h identity.Hash) (cluster.ID, error) {
	id, err := db.read(ctx).GetClusterIDByAgentToken(ctx, string(h))
	return cluster.ID(id), found("read an agent token", "agent token", err)
}

// DeleteCredentials forgets the private keys and the agent token's text. Doing so again is no error; a cluster that never had any is not
// found.
func (db *DB) DeleteCredentials(ctx context.Context, id cluster.ID) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		q := db.write(ctx)
		if _, err := q.DeleteCredentials(ctx, string(id)); err != nil {
			return fail("delete credentials", err)
		}
		n, err := q.ForgetAgentTokenText(ctx, string(id))
		return one(n, err, "forget an agent token", "agent token")
	})
}

// bytesToDB keeps nil as empty: no column of bytes is NULL.
func bytesToDB(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
