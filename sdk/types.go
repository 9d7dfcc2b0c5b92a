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
	// Groups are those that the caller is in, by path.
	Groups []Membership `json:"groups" nullable:"false"`
}

// RateCard is the price of the server's own machines.
type RateCard struct {
	Currency          string `json:"currency" example:"USD"`
	CoreHourNanos     int64  `json:"core_hour_nanos" doc:"Price of a core for an hour"`
	GigabyteHourNanos int64  `json:"gigabyte_hour_nanos" doc:"Price of 10^9 bytes of memory for an hour"`
	// Source says where the price comes from, in words.
	Source string `json:"source"`
	// AsOf is when the source said so, where that is known.
	AsOf *time.Time `json:"as_of,omitempty"`
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
	Group   string         `json:"group,omitempty" maxLength:"1000" doc:"Path, name or id of the group that pays; empty for the one that pays for the caller by default"`
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
	// Watched is true for a cluster that Lineitem did not start: it is measured and priced by the rate card, and not controlled.
	Watched bool `json:"watched"`
	// Deployment says how a watched cluster was started, as far as that can be seen: "local", "jobqueue", "kubernetes", "gateway", "cuda", "manual".
	Deployment string `json:"deployment"`
	// Method is "agent" where threads are measured from within, "sampled" where they are looked at from outside.
	Method string `json:"method" enum:"agent,sampled"`
	// LastSeenAt is when a watched cluster last reported.
	LastSeenAt *time.Time `json:"last_seen_at,omitempty"`
	// Away is true for a watched cluster that has not reported for half a minute; it ends at its last report if it stays so.
	Away bool `json:"away"`
	// Group is the path of the group that pays, as it was when the cluster was made; empty for none.
	Group string `json:"group" example:"/research/genomics"`
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
	ID               string `json:"id"`
	Role             string `json:"role" enum:"scheduler,worker"`
	Name             string `json:"name"`
	Generation       int    `json:"generation"`
	Status           string `json:"status" enum:"pending,starting,running,stopping,stopped,failed"`
	Target           string `json:"target" enum:"running,stopped"`
	Reason           string `json:"reason"`
	Threads          int    `json:"nthreads"`
	MemoryBytes      int64  `json:"memory_bytes"`
	RateNanosPerHour int64  `json:"rate_nanos_per_hour"`
	CostNanos        int64  `json:"cost_nanos"`
	Handle           string `json:"handle"`
	ExitCode         *int   `json:"exit_code,omitempty"`
	// PriceSource says where its rate comes from, in words; it is empty for processes that are older than its record.
	PriceSource string     `json:"price_source,omitempty"`
	PriceAsOf   *time.Time `json:"price_as_of,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	StartedAt   *time.Time `json:"started_at,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
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
// total = sum(lines) + sum(categories) + unknown. An entry of lines is known by all of: the line where threads stood, the line that
// created the work, operation and library; add up the entries with the same origin for the cost of that origin.
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
	CoverageSeconds float64 `json:"coverage_seconds"`
	CapacitySeconds float64 `json:"capacity_seconds"`
	// OriginSeconds of WorkSeconds of thread-time (native parallelism included) stand on the line that created the work; the rest on the line that submitted it, or on none.
	OriginSeconds float64 `json:"origin_seconds"`
	WorkSeconds   float64 `json:"work_seconds"`
	// RulesVersion is the version of the rules that named operations and libraries.
	RulesVersion int `json:"rules_version"`
	// Method is "agent" where threads were measured from within, "sampled" where they were looked at from outside.
	Method string `json:"method" enum:"agent,sampled"`
	// Rates are the prices by which the newest process was charged.
	Rates RateCard `json:"rates"`
	// Prices are all that processes were charged by; their costs sum to total_nanos.
	Prices []PriceUse `json:"prices,omitempty" nullable:"false"`
	// GPUs say how much of the total was for GPUs, by model. What was for idle ones is the category idle.gpu.
	GPUs []GPUCost `json:"gpus,omitempty" nullable:"false"`
}

// GPUCost is what a cluster paid for GPUs of one model, as a part of its bill.
type GPUCost struct {
	Model   string  `json:"model"`
	Devices int     `json:"devices" doc:"How many different ones were held"`
	Seconds float64 `json:"seconds" doc:"Of their time, the part that this cluster pays: devices that several processes see are shared equally"`
	// UnpricedSeconds is what of it has no price: what that cost is not known.
	UnpricedSeconds float64 `json:"unpriced_seconds"`
	CostNanos       int64   `json:"cost_nanos"`
	IdleCostNanos   int64   `json:"idle_cost_nanos" doc:"What of the cost was for time in which nothing ran on a device"`
}

// PriceUse is what processes of a cluster were charged by.
type PriceUse struct {
	// Source is empty for processes that are older than its record.
	Source            string     `json:"source"`
	AsOf              *time.Time `json:"as_of,omitempty"`
	CoreHourNanos     int64      `json:"core_hour_nanos"`
	GigabyteHourNanos int64      `json:"gigabyte_hour_nanos"`
	Processes         int        `json:"processes"`
	CostNanos         int64      `json:"cost_nanos"`
	// GPU is a model where it is the price of GPUs, GPUHourNanos what an hour of one costs.
	GPU          string `json:"gpu,omitempty"`
	GPUHourNanos int64  `json:"gpu_hour_nanos,omitempty"`
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
	// NativeSeconds is native parallelism beside the thread-seconds: CPU of libraries' own threads. Cost covers both.
	NativeSeconds float64 `json:"native_seconds"`
	// OriginFile, OriginLine and OriginFunction are the line of user code that created the work; the line that submitted it where
	// the creating one is not known; where not even that is known, File, Line and Function.
	OriginFile     string `json:"origin_file"`
	OriginLine     int    `json:"origin_line"`
	OriginFunction string `json:"origin_function"`
	OriginText     string `json:"origin_text"`
	OriginLevel    string `json:"origin_level" enum:"created,submitted" doc:"How the origin is known"`
	// SharedWith are lines that asked for exactly the same work, as file:line.
	SharedWith []string `json:"shared_with,omitempty"`
	// Operation is what kind of work it is: "read.csv", "groupby", "train.xgboost", "unknown". docs/operations.md lists them.
	Operation string `json:"operation" example:"read.csv"`
	// Library is the top-level module that did it, empty for the user's own code.
	Library string `json:"library" example:"pandas"`
	// Prefixes splits the cost by Dask's task prefix, dearest first.
	Prefixes []BillPrefix `json:"prefixes" nullable:"false"`
}

// How the origin of a line is known: it created the work, or it submitted it.
const (
	OriginCreated   = "created"
	OriginSubmitted = "submitted"
)

// BillPrefix is the part of a line's cost spent in tasks of one prefix.
type BillPrefix struct {
	Prefix        string  `json:"prefix"`
	CostNanos     int64   `json:"cost_nanos"`
	ThreadSeconds float64 `json:"thread_seconds"`
}

// BillCategory is money that is on no line, by reason.
type BillCategory struct {
	// Name is "idle.<reason>", "overhead.dask", "overhead.scheduler", "lost.worker", "lost.telemetry" or "unattributed".
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

// CostBreakdown answers what was spent, grouped by anything: rows and rest sum to the total, to the nano-unit.
type CostBreakdown struct {
	Currency string `json:"currency"`
	// By are the dimensions of each row's keys, in order.
	By []string `json:"by" nullable:"false"`
	// Where are the filters, as asked.
	Where []string `json:"where" nullable:"false"`
	// Start and End bound the window [start, end): the whole hours that what was asked for touches. Zone is where its days begin.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Zone  string    `json:"zone"`
	// Figures says which money it is: metered, time by the prices in force; or invoiced, where an invoice was imported, and metered where none was.
	Figures string `json:"figures" enum:"metered,invoiced"`
	// TotalNanos is what passes the filters, AllNanos the whole window's cost before filters.
	TotalNanos int64 `json:"total_nanos"`
	AllNanos   int64 `json:"all_nanos"`
	// MeteredTotalNanos is TotalNanos in metered figures: the same, unless the figures are invoiced ones.
	MeteredTotalNanos int64 `json:"metered_total_nanos"`
	// UnplacedNanos is what invoices add to what nothing was metered of in the window any more, as its telemetry is past its retention: it is in no row and in no total.
	UnplacedNanos int64 `json:"unplaced_nanos"`
	// Invoices says of each month of the books in the window which invoices its figures follow; empty for metered figures.
	Invoices []InvoicedMonth `json:"invoices" nullable:"false"`
	Rows     []BreakdownRow  `json:"rows" nullable:"false"`
	// RestNanos is what the RestRows rows beyond the limit cost.
	RestNanos int64 `json:"rest_nanos"`
	RestRows  int   `json:"rest_rows"`
	// UnseenNanos is the part of AllNanos that was paid for and not observed: what is unknown or lost. Coverage is the share of AllNanos that was observed, 0 to 1.
	UnseenNanos int64   `json:"unseen_nanos"`
	Coverage    float64 `json:"coverage"`
	// Clusters is how many ran in the window; Names are the names of those in the rows, by id, where the rows are by cluster.
	Clusters int               `json:"clusters"`
	Names    map[string]string `json:"names"`
	// RulesVersion is the oldest version of the rules that named operations, 0 if none did.
	RulesVersion int `json:"rules_version"`
	// Rates are the prices in force.
	Rates RateCard `json:"rates"`
	// Prices says by which prices the processes of the window were charged.
	Prices []PriceCovers `json:"prices" nullable:"false"`
	// AsOf is when the answer was right: what runs has cost more since.
	AsOf time.Time `json:"as_of"`
	// Notes say in sentences what a reader of the figures should know, as of days whose detail was lost; empty if there is nothing.
	Notes []string `json:"notes" nullable:"false"`
	// SQL is the question as it was put to the warehouse, which read RowsRead rows of Segments files for it.
	SQL      string `json:"sql"`
	RowsRead int64  `json:"rows_read"`
	Segments int    `json:"segments"`
}

// InvoicedMonth is what invoices say of one month of the books.
type InvoicedMonth struct {
	Month string    `json:"month"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Status is invoiced, none (it is over, and no invoice was imported: its figures are metered) or running (it is not over, so nothing can be invoiced).
	Status string `json:"status" enum:"invoiced,none,running"`
	// TrueUpNanos is what invoices add to the window's part of the month, before filters.
	TrueUpNanos int64            `json:"true_up_nanos"`
	Imports     []InvoiceApplied `json:"imports" nullable:"false"`
}

// InvoiceApplied is an invoice that figures follow.
type InvoiceApplied struct {
	ID     string    `json:"id"`
	Source string    `json:"source"`
	At     time.Time `json:"at"`
	// Factors are what was invoiced for each unit that was metered, dearest first, 20 at most; only admins see those of single clusters and processes. Groups is how many
	// the invoice has.
	Factors []InvoiceFactor `json:"factors" nullable:"false"`
	Groups  int             `json:"groups"`
}

// InvoiceFactor is what was invoiced of something for each unit that was metered.
type InvoiceFactor struct {
	Target string  `json:"target"`
	Factor float64 `json:"factor"`
}

// BreakdownRow is what one combination of values cost.
type BreakdownRow struct {
	// Keys are the values in the order of By; empty where there is no such thing, as idle time has no line.
	Keys      []string `json:"keys" nullable:"false"`
	CostNanos int64    `json:"cost_nanos"`
	// ThreadSeconds is the thread-time it was, native parallelism included; CPUSeconds the part of it on a core.
	ThreadSeconds float64 `json:"thread_seconds"`
	CPUSeconds    float64 `json:"cpu_seconds"`
}

// CostItem is one cluster's cost in the window, dearest first.
type CostItem struct {
	ClusterID   string `json:"cluster_id"`
	ClusterName string `json:"cluster_name"`
	Owner       string `json:"owner"`
	Status      string `json:"status"`
	CostNanos   int64  `json:"cost_nanos"`
}

// WatchRequest announces a cluster that Lineitem did not start.
type WatchRequest struct {
	// Name is shown to people; empty for one made from the host.
	Name       string `json:"name,omitempty" maxLength:"100"`
	Deployment string `json:"deployment,omitempty" enum:"local,jobqueue,kubernetes,gateway,cuda,manual" doc:"How it was started"`
	Method     string `json:"method,omitempty" enum:"agent,sampled"`
	// SchedulerAddress is where its scheduler listens, e.g. tcp://10.0.0.4:8786.
	SchedulerAddress string `json:"scheduler_address" maxLength:"500"`
	DashboardURL     string `json:"dashboard_url,omitempty" maxLength:"500"`
	// SchedulerID is the scheduler's own id: announcing the same one again returns the same cluster.
	SchedulerID string `json:"scheduler_id" minLength:"1" maxLength:"200"`
	Group       string `json:"group,omitempty" maxLength:"1000" doc:"Path, name or id of the group that pays; empty for the one that pays for the caller by default. The first announcement decides"`
}

// WatchAnswer is what the agent of a watched cluster needs.
type WatchAnswer struct {
	Cluster Cluster `json:"cluster"`
	// Process is the id of the scheduler's process.
	Process string `json:"process"`
	// AgentToken writes telemetry of this one cluster and nothing else. Announcing again gives a new one.
	AgentToken string `json:"agent_token"`
}

// Submission is one call that sent work to a cluster.
type Submission struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	Client   string    `json:"client"`
	File     string    `json:"file"`
	Line     int       `json:"line"`
	Function string    `json:"function"`
	Text     string    `json:"text"`
	Tasks    int64     `json:"tasks"`
	// Levels counts tasks by how the line that created them was found: name, token, dependents, call, none.
	Levels map[string]int64 `json:"levels"`
	Span   []string         `json:"span" nullable:"false"`
	// What follows is what the client said of itself, not verified.
	Tags   map[string]string `json:"tags" doc:"Self-declared"`
	User   string            `json:"user" doc:"Self-declared"`
	Host   string            `json:"host" doc:"Self-declared"`
	Kind   string            `json:"kind" enum:"notebook,script,shell," doc:"Self-declared"`
	Path   string            `json:"path" doc:"Notebook or script; self-declared"`
	Commit string            `json:"commit" doc:"Git commit of the path; self-declared"`
	Dirty  bool              `json:"dirty" doc:"Whether the path's repository had changes that were not committed"`

	CostNanos     int64   `json:"cost_nanos"`
	ThreadSeconds float64 `json:"thread_seconds"`
}

// SubmissionList lists the newest 1,000 submissions, newest first, with what they cost.
type SubmissionList struct {
	Currency string       `json:"currency"`
	Items    []Submission `json:"items" nullable:"false"`
}

// Read is a set of files that a cluster read or wrote from one line.
type Read struct {
	Direction   string `json:"direction" enum:"read,write"`
	Path        string `json:"path" doc:"Pattern; without credentials and query"`
	Format      string `json:"format" example:"csv"`
	Engine      string `json:"engine"`
	Compression string `json:"compression"`
	Files       int64  `json:"files"`
	Tasks       int64  `json:"tasks"`
	// Bytes planned to be read, 0 if not known; Columns and ColumnsUsed likewise.
	Bytes       int64 `json:"bytes"`
	Columns     int   `json:"columns"`
	ColumnsUsed int   `json:"columns_used"`
	// PushedDown tells whether the reader itself was told to leave out the columns that nobody used.
	PushedDown bool   `json:"pushed_down"`
	OriginFile string `json:"origin_file"`
	OriginLine int    `json:"origin_line"`
	OriginText string `json:"origin_text"`
	// CostNanos is what the work of that line with that direction and format cost.
	CostNanos     int64   `json:"cost_nanos"`
	ThreadSeconds float64 `json:"thread_seconds"`
}

// ReadList lists what a cluster read and wrote, dearest first.
type ReadList struct {
	Currency string `json:"currency"`
	Items    []Read `json:"items" nullable:"false"`
}

// Receipt is the cost of a client's work since a moment: what is said after a computation.
type Receipt struct {
	Currency string    `json:"currency"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	// CostNanos is the cost of the whole cluster in [start, end).
	CostNanos int64 `json:"cost_nanos"`
	// WorkNanos is the part of it on lines that this client's submissions since start created.
	WorkNanos int64 `json:"work_nanos"`
	// Top is the dearest origin among them; absent if there is none.
	Top *ReceiptLine `json:"top,omitempty"`
	// IdleShare is the share (0..1) of the workers' observed thread-time that was idle.
	IdleShare float64 `json:"idle_share"`
	// Complete is false while reports of that time are still missing.
	Complete bool `json:"complete"`
}

// ReceiptLine is the dearest line of a receipt.
type ReceiptLine struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Text      string `json:"text"`
	Operation string `json:"operation" doc:"What most of it was"`
	CostNanos int64  `json:"cost_nanos"`
	// Share is its share of WorkNanos.
	Share float64 `json:"share"`
}

// ResourceList shows what the processes of a cluster used over time.
type ResourceList struct {
	Start       time.Time        `json:"start"`
	End         time.Time        `json:"end"`
	StepSeconds float64          `json:"step_seconds"`
	Items       []ResourceSeries `json:"items" nullable:"false"`
}

// ResourceSeries is one process. Its arrays have one value for each bin from the start, null where nothing was reported.
type ResourceSeries struct {
	ProcessID        string     `json:"process_id"`
	Name             string     `json:"name"`
	MemoryLimitBytes int64      `json:"memory_limit_bytes"`
	CPUCores         []*float64 `json:"cpu_cores" nullable:"false" doc:"Cores in use, on average"`
	RSSBytes         []*float64 `json:"rss_bytes" nullable:"false" doc:"Largest resident memory"`
	ManagedBytes     []*float64 `json:"managed_bytes" nullable:"false"`
	SpilledBytes     []*float64 `json:"spilled_bytes" nullable:"false"`
	TransferBytes    []*float64 `json:"transfer_bytes" nullable:"false" doc:"Received and sent"`
	DiskBytes        []*float64 `json:"disk_bytes" nullable:"false" doc:"Read and written"`
	GPUs             []GPU      `json:"gpus" nullable:"false"`
}

// GPU is one device of a process over its life.
type GPU struct {
	UUID  string `json:"uuid"`
	Index int    `json:"index"`
	Name  string `json:"name"`
	// ObservedSeconds is how long it was looked at, IdleSeconds how long its utilisation was 0.
	ObservedSeconds float64 `json:"observed_seconds"`
	IdleSeconds     float64 `json:"idle_seconds"`
	// Utilisation is the time-weighted mean (0..1) of "a kernel ran"; SMActivity that of busy multiprocessors, absent where the driver does not tell it.
	Utilisation      float64    `json:"utilisation"`
	SMActivity       *float64   `json:"sm_activity,omitempty"`
	MemoryPeakBytes  int64      `json:"memory_peak_bytes"`
	MemoryTotalBytes int64      `json:"memory_total_bytes"`
	EnergyJoules     float64    `json:"energy_joules"`
	UtilisationBins  []*float64 `json:"utilisation_bins" nullable:"false"`
}

// Environment is one set of installed software.
type Environment struct {
	ID             string               `json:"id" doc:"SHA-256 of its content"`
	Python         string               `json:"python"`
	Implementation string               `json:"implementation"`
	Platform       string               `json:"platform"`
	Details        map[string]string    `json:"details"`
	Packages       []EnvironmentPackage `json:"packages" nullable:"false"`
}

// EnvironmentPackage is an installed distribution.
type EnvironmentPackage struct {
	Name    string `json:"name" doc:"Normalised (PEP 503)"`
	Version string `json:"version"`
	Manager string `json:"manager" enum:"pip,conda,vcs,editable"`
}

// PackageList answers who has which package.
type PackageList struct {
	Currency string       `json:"currency"`
	Items    []PackageUse `json:"items" nullable:"false"`
	// Skipped counts versions that do not follow PEP 440 and so could not be compared with the asked range.
	Skipped int `json:"skipped"`
}

// PackageUse is one version of a package in one cluster.
type PackageUse struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	Grade       string `json:"grade" enum:"installed,imported,seen" doc:"Seen: its code was found running"`
	ClusterID   string `json:"cluster_id"`
	ClusterName string `json:"cluster_name"`
	Owner       string `json:"owner"`
	// Where names the roles that have it: client, scheduler, worker.
	Where       []string `json:"where" nullable:"false"`
	Environment string   `json:"environment"`
	Python      string   `json:"python"`
	// LastAt is when it was last found in its highest grade.
	LastAt time.Time `json:"last_at"`
	// CostNanos is what thread-time with the package's code on the stack cost: 0 unless seen. ClusterCostNanos is the whole cluster's.
	CostNanos        int64 `json:"cost_nanos"`
	ClusterCostNanos int64 `json:"cluster_cost_nanos"`
}
