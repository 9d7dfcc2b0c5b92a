// Package sdk holds the wire types of the REST API and a Go client for it. It imports nothing of ours, so that other
// programs can use it; openapi.json beside it is emitted from the same types.
//
// Money is in whole nano-units (billionths) of the named currency. Times are RFC 3339 in UTC, durations in seconds.
package sdk

import "time"

// Error is the body of every answer that is not a success.
type Error struct {
	// Code is stable, for programs: "invalid", "not_found", "cluster_not_running".
	Code string `json:"code" doc:"Stable word for programs" example:"not_found"`
	// Message is a sentence for people: what happened, what was (not) changed, what to do.
	Message string `json:"message" doc:"Sentence for people"`
	// Fields points at wrong inputs; may be empty.
	Fields []FieldError `json:"fields" nullable:"false" doc:"Wrong inputs"`
}

// FieldError is one wrong input.
type FieldError struct {
	Name    string `json:"name" doc:"Path of the input" example:"options.n_workers"`
	Message string `json:"message"`
}

// User is a person or a service account.
type User struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role" enum:"admin,user"`
}

// Me is who the caller is, and the server they talk to.
type Me struct {
	User    User   `json:"user"`
	Version string `json:"version" doc:"Version of the server"`
	// Organisation is the name shown in the corner of the UI.
	Organisation string `json:"organisation"`
	// TimeZone is the organisation's IANA time zone.
	TimeZone string   `json:"time_zone"`
	Rates    RateCard `json:"rates"`
}

// RateCard is the configured price of the server's own machine.
type RateCard struct {
	Currency          string `json:"currency" example:"USD"`
	CoreHourNanos     int64  `json:"core_hour_nanos" doc:"Price of a core for an hour"`
	GigabyteHourNanos int64  `json:"gigabyte_hour_nanos" doc:"Price of 10^9 bytes of memory for an hour"`
	// Source says where the price comes from, in words.
	Source string `json:"source"`
}

// SignInRequest trades a one-time code for a session cookie.
type SignInRequest struct {
	Code string `json:"code" maxLength:"200"`
}

// TokenRequest asks for an API token: as a signed-in user, or with a one-time code.
type TokenRequest struct {
	Name string `json:"name" maxLength:"100" doc:"What the token is for" example:"laptop"`
	// Code buys the token without a session.
	Code string `json:"code,omitempty" maxLength:"200"`
	// ExpiresInSeconds is 0 for a token without end.
	ExpiresInSeconds int64 `json:"expires_in_seconds,omitempty" minimum:"0"`
}

// Token describes an API token. Secret is set only in the answer that creates it.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Secret     string     `json:"secret,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// TokenList is a list of tokens.
type TokenList struct {
	Items []Token `json:"items" nullable:"false"`
}

// ClusterOptions are what a user chooses for a cluster.
type ClusterOptions struct {
	Workers int `json:"n_workers" minimum:"0" maximum:"1000" doc:"Workers wanted now"`
	// Threads per worker; 0 on create means 1.
	Threads int `json:"nthreads,omitempty" minimum:"0" maximum:"256" doc:"Task slots of each worker"`
	// MemoryBytes per worker; 0 on create means a share of the machine.
	MemoryBytes int64             `json:"memory_bytes,omitempty" minimum:"0" doc:"Memory limit of each worker"`
	Python      string            `json:"python,omitempty" maxLength:"4096" doc:"Interpreter to use; empty for the server's"`
	Env         map[string]string `json:"env,omitempty" doc:"Added to the environment of scheduler and workers"`
}

// CreateClusterRequest asks for a new cluster.
type CreateClusterRequest struct {
	// Name is shown to people; empty for one made up. Letters, digits, '-', '_' and '.'.
	Name    string         `json:"name,omitempty" maxLength:"100"`
	Backend string         `json:"backend,omitempty" maxLength:"40" doc:"Empty for the default"`
	Options ClusterOptions `json:"options"`
}

// Cluster is a scheduler and its workers.
type Cluster struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Owner   User           `json:"owner"`
	Backend string         `json:"backend"`
	Options ClusterOptions `json:"options"`
	Status  string         `json:"status" enum:"pending,starting,running,stopping,stopped,failed"`
	Target  string         `json:"target" enum:"running,stopped"`
	// Reason says in a sentence why it is stopping, stopped or failed.
	Reason           string     `json:"reason"`
	SchedulerAddress string     `json:"scheduler_address" doc:"tls://host:port while the scheduler is up, else empty"`
	DashboardURL     string     `json:"dashboard_url"`
	URL              string     `json:"url" doc:"Page of the cluster"`
	CreatedAt        time.Time  `json:"created_at"`
	StartedAt        *time.Time `json:"started_at,omitempty"`
	EndedAt          *time.Time `json:"ended_at,omitempty"`
	Currency         string     `json:"currency"`
	// RateNanosPerHour is the price per hour of all that runs now.
	RateNanosPerHour int64 `json:"rate_nanos_per_hour"`
	// CostNanos is what it has cost up to now.
	CostNanos int64 `json:"cost_nanos"`
	// WorkersRunning counts the workers that are up.
	WorkersRunning int `json:"n_workers_running"`
	// Gauges is the scheduler's last report; absent before the first.
	Gauges *Gauges `json:"gauges,omitempty"`
	// SourcesWanted lists files of user code seen in the bill whose text the server lacks and only a client can have:
	// notebook cells ("cell:<hash>"). Filled only where one cluster is asked for.
	SourcesWanted []string `json:"sources_wanted,omitempty"`
}

// Gauges is what a scheduler last said about itself.
type Gauges struct {
	At           time.Time `json:"at"`
	Workers      int64     `json:"workers"`
	Threads      int64     `json:"threads"`
	Clients      int64     `json:"clients"`
	Processing   int64     `json:"processing"`
	Queued       int64     `json:"queued"`
	Waiting      int64     `json:"waiting"`
	NoWorker     int64     `json:"no_worker"`
	InMemory     int64     `json:"in_memory"`
	Erred        int64     `json:"erred"`
	ManagedBytes int64     `json:"managed_bytes"`
	SpilledBytes int64     `json:"spilled_bytes"`
}

// ClusterList is one page of clusters, newest first.
type ClusterList struct {
	Items []Cluster `json:"items" nullable:"false"`
	// NextCursor fetches the next page; empty on the last.
	NextCursor string `json:"next_cursor"`
}

// ScaleRequest sets how many workers are wanted.
type ScaleRequest struct {
	Workers int `json:"n_workers" minimum:"0" maximum:"1000"`
	// Remove names the workers to go when the number shrinks; the newest go where it names too few.
	Remove []string `json:"remove,omitempty" maxItems:"1000"`
}

// Process is one run of a scheduler or worker.
type Process struct {
	ID               string     `json:"id"`
	Role             string     `json:"role" enum:"scheduler,worker"`
	Name             string     `json:"name"`
	Generation       int        `json:"generation"`
	Status           string     `json:"status" enum:"pending,starting,running,stopping,stopped,failed"`
	Target           string     `json:"target" enum:"running,stopped"`
	Reason           string     `json:"reason"`
	Threads          int        `json:"nthreads"`
	MemoryBytes      int64      `json:"memory_bytes"`
	RateNanosPerHour int64      `json:"rate_nanos_per_hour"`
	CostNanos        int64      `json:"cost_nanos"`
	Handle           string     `json:"handle"`
	ExitCode         *int       `json:"exit_code,omitempty"`
	CreatedAt        time.Time  `json:"created_at"`
	StartedAt        *time.Time `json:"started_at,omitempty"`
	EndedAt          *time.Time `json:"ended_at,omitempty"`
}

// ProcessList lists the processes of a cluster: the scheduler, then workers by name and generation.
type ProcessList struct {
	Items []Process `json:"items" nullable:"false"`
}

// Credentials is what a Dask client needs to connect to a cluster. They equal the right to run code there.
type Credentials struct {
	SchedulerAddress string `json:"scheduler_address"`
	CAPEM            string `json:"ca_pem"`
	CertificatePEM   string `json:"certificate_pem"`
	KeyPEM           string `json:"key_pem"`
}

// Event is something that happened to a cluster.
type Event struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Message string    `json:"message"`
}

// EventList lists events, newest first.
type EventList struct {
	Items []Event `json:"items" nullable:"false"`
}

// Logs is the output of one process.
type Logs struct {
	ProcessID string `json:"process_id"`
	Name      string `json:"name"`
	Text      string `json:"text"`
	// Truncated is true where the text is only the end.
	Truncated bool `json:"truncated"`
}

// LogsList holds the logs of a cluster's processes.
type LogsList struct {
	Items []Logs `json:"items" nullable:"false"`
}

// Bill says where the money of one cluster went. The parts are exact:
// total = sum(lines) + sum(categories) + unknown.
type Bill struct {
	ClusterID  string    `json:"cluster_id"`
	Currency   string    `json:"currency"`
	Start      time.Time `json:"start"`
	AsOf       time.Time `json:"as_of" doc:"The bill covers [start, as_of)"`
	TotalNanos int64     `json:"total_nanos"`
	// Lines are lines of user code, dearest first.
	Lines []BillLine `json:"lines" nullable:"false"`
	// Categories are all else that is known: idle by reason, overhead, unattributed work; dearest first.
	Categories []BillCategory `json:"categories" nullable:"false"`
	// UnknownNanos is what was not observed.
	UnknownNanos int64 `json:"unknown_nanos"`
	// CoverageSeconds of CapacitySeconds of worker thread-time were observed.
	CoverageSeconds float64  `json:"coverage_seconds"`
	CapacitySeconds float64  `json:"capacity_seconds"`
	Rates           RateCard `json:"rates"`
}

// BillLine is what one line of user code cost.
type BillLine struct {
	File     string `json:"file" doc:"As the worker saw it; cell:<hash> for a notebook cell"`
	Line     int    `json:"line"`
	Function string `json:"function"`
	// Text is the line's source, empty where it is not known or not allowed.
	Text          string  `json:"text"`
	CostNanos     int64   `json:"cost_nanos"`
	ThreadSeconds float64 `json:"thread_seconds"`
	CPUSeconds    float64 `json:"cpu_seconds" doc:"Of the thread-seconds, on a core; the rest waited"`
	// Prefixes splits the cost by Dask's task prefix, dearest first.
	Prefixes []BillPrefix `json:"prefixes" nullable:"false"`
}

// BillPrefix is the part of a line's cost spent in tasks of one prefix.
type BillPrefix struct {
	Prefix        string  `json:"prefix"`
	CostNanos     int64   `json:"cost_nanos"`
	ThreadSeconds float64 `json:"thread_seconds"`
}

// BillCategory is money that is on no line, by reason.
type BillCategory struct {
	// Name is "idle.<reason>", "overhead.dask", "overhead.scheduler" or "unattributed".
	Name          string  `json:"name" example:"idle.no_work"`
	CostNanos     int64   `json:"cost_nanos"`
	ThreadSeconds float64 `json:"thread_seconds"`
}

// Timeline shows what the workers did over time.
type Timeline struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// StepSeconds is the width of a bin.
	StepSeconds float64       `json:"step_seconds"`
	Rows        []TimelineRow `json:"rows" nullable:"false"`
}

// TimelineRow is one process.
type TimelineRow struct {
	ProcessID string     `json:"process_id"`
	Name      string     `json:"name"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	// Bins follow each other from the timeline's start. Each holds the shares (0..1) of the process's thread-time by category: "work" and
	// the names of BillCategory; what is missing to 1 was not observed or lies outside the process's life.
	Bins []map[string]float64 `json:"bins" nullable:"false"`
}

// SourceList lists files of user code of a cluster.
type SourceList struct {
	Items []Source `json:"items" nullable:"false"`
}

// Source is a file of user code.
type Source struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	// Text is the whole file; empty in lists.
	Text string `json:"text,omitempty"`
}

// PutSourceRequest sends the text of a file that the server wants.
type PutSourceRequest struct {
	File string `json:"file" minLength:"1" maxLength:"4096"`
	Text string `json:"text" maxLength:"262144"`
}

// CostList answers what clusters cost.
type CostList struct {
	Currency string `json:"currency"`
	// Start and End bound the window [start, end).
	Start      time.Time  `json:"start"`
	End        time.Time  `json:"end"`
	TotalNanos int64      `json:"total_nanos"`
	Items      []CostItem `json:"items" nullable:"false"`
}

// CostItem is one cluster's cost in the window, dearest first.
type CostItem struct {
	ClusterID   string `json:"cluster_id"`
	ClusterName string `json:"cluster_name"`
	Owner       string `json:"owner"`
	Status      string `json:"status"`
	CostNanos   int64  `json:"cost_nanos"`
}
