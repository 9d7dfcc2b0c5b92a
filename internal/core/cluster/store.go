package cluster

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
)

// Store keeps clusters, processes, credentials and events. Methods return errs.NotFound where nothing matches.
type Store interface {
	CreateCluster(ctx context.Context, c Cluster) error
	ClusterByID(ctx context.Context, id ID) (Cluster, error)
	// LiveClusterByName returns the newest cluster of the owner with that name that has not ended.
	LiveClusterByName(ctx context.Context, owner identity.UserID, name string) (Cluster, error)
	// ListClusters returns clusters newest first (by id, descending).
	ListClusters(ctx context.Context, f ListFilter) ([]Cluster, error)
	// UpdateCluster writes all fields but ID, OwnerID, Backend, CreatedAt, SchedulerKey, LastSeenAt and who pays.
	UpdateCluster(ctx context.Context, c Cluster) error

	// ClusterBySchedulerKey returns the owner's watched cluster whose scheduler has that id, an ended one too.
	ClusterBySchedulerKey(ctx context.Context, owner identity.UserID, key string) (Cluster, error)
	// CountLiveWatched counts the owner's watched clusters that have not ended.
	CountLiveWatched(ctx context.Context, owner identity.UserID) (int, error)
	// AddWatchToken keeps the hash of one more agent token of a watched cluster, and forgets all but the newest so many.
	AddWatchToken(ctx context.Context, id ID, h identity.Hash, at time.Time, keep int) error
	// TouchCluster records that a watched cluster reported, unless a later report is known.
	TouchCluster(ctx context.Context, id ID, at time.Time) error
	// ForgetWatchTokens forgets all agent tokens of a watched cluster.
	ForgetWatchTokens(ctx context.Context, id ID) error

	CreateProcess(ctx context.Context, p Process) error
	// ProcessesByCluster returns all processes of a cluster, ended ones too, scheduler first, then by name and generation.
	ProcessesByCluster(ctx context.Context, id ID) ([]Process, error)
	// UpdateProcess writes all but identity, name and creation time.
	UpdateProcess(ctx context.Context, p Process) error

	// SetCredentials keeps the credentials of a cluster and the hash of its agent token.
	SetCredentials(ctx context.Context, id ID, set CredentialSet, agentToken AgentToken) error
	CredentialsByCluster(ctx context.Context, id ID) (CredentialSet, AgentToken, error)
	// ClusterByAgentToken finds the cluster to which an agent token belongs.
	ClusterByAgentToken(ctx context.Context, h identity.Hash) (ID, error)
	// DeleteCredentials forgets the private keys and the agent token's text of an ended cluster, but keeps the token's hash, so
	// that late telemetry is still known.
	DeleteCredentials(ctx context.Context, id ID) error

	AddEvent(ctx context.Context, e Event) error
	// EventsByCluster returns the newest events first.
	EventsByCluster(ctx context.Context, id ID, limit int) ([]Event, error)

	SetGauges(ctx context.Context, id ID, g Gauges) error
	// GaugesByCluster returns the last gauges, errs.NotFound before the first.
	GaugesByCluster(ctx context.Context, id ID) (Gauges, error)
}

// AgentToken authenticates the telemetry of one cluster. Its text is kept while the cluster lives, because a launch may have
// to be repeated after a crash.
type AgentToken struct {
	Hash identity.Hash
	Text string
}

// ListFilter selects clusters.
type ListFilter struct {
	// Scope limits the list to what somebody may see, if not nil.
	Scope *identity.Scope
	// Statuses limits the list, if not empty.
	Statuses []Status
	// Before lists only clusters with smaller ids, if not empty: the cursor.
	Before ID
	// AliveSince keeps clusters that had not ended before it, if not zero.
	AliveSince time.Time
	// CreatedBefore keeps clusters made before it, if not zero.
	CreatedBefore time.Time
	// Limit of 0 means no limit.
	Limit int
}
