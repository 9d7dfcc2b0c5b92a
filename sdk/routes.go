package sdk

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SignIn trades a one-time code for a session; the cookie is kept if the HTTP client has a jar.
func (c *Client) SignIn(ctx context.Context, in SignInRequest) (Me, error) {
	return call[Me](ctx, c, http.MethodPost, "/session", nil, in)
}

// SignOut ends the session of the cookie.
func (c *Client) SignOut(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/session", nil, nil, nil)
}

// Me returns who the caller is, and what server this is.
func (c *Client) Me(ctx context.Context) (Me, error) {
	return call[Me](ctx, c, http.MethodGet, "/me", nil, nil)
}

// CreateToken makes an API token; its secret is in this answer and never again.
func (c *Client) CreateToken(ctx context.Context, in TokenRequest) (Token, error) {
	return call[Token](ctx, c, http.MethodPost, "/tokens", nil, in)
}

// ListTokens lists the caller's API tokens.
func (c *Client) ListTokens(ctx context.Context) (TokenList, error) {
	return call[TokenList](ctx, c, http.MethodGet, "/tokens", nil, nil)
}

// DeleteToken revokes one of the caller's API tokens.
func (c *Client) DeleteToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(id), nil, nil, nil)
}

// CreateCluster asks for a cluster and returns it while it starts.
func (c *Client) CreateCluster(ctx context.Context, in CreateClusterRequest) (Cluster, error) {
	return call[Cluster](ctx, c, http.MethodPost, "/clusters", nil, in)
}

// WatchCluster announces a cluster that Lineitem did not start; announcing the same scheduler again returns the same cluster.
func (c *Client) WatchCluster(ctx context.Context, in WatchRequest) (WatchAnswer, error) {
	return call[WatchAnswer](ctx, c, http.MethodPost, "/clusters/watched", nil, in)
}

// ListClustersOptions selects clusters.
type ListClustersOptions struct {
	// Statuses limits the list, if not empty.
	Statuses []string
	// Limit of 0 means the server's default.
	Limit int
	// Cursor is NextCursor of the page before.
	Cursor string
}

// ListClusters returns one page of clusters, newest first.
func (c *Client) ListClusters(ctx context.Context, o ListClustersOptions) (ClusterList, error) {
	q := url.Values{}
	if len(o.Statuses) > 0 {
		q.Set("status", strings.Join(o.Statuses, ","))
	}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	if o.Cursor != "" {
		q.Set("cursor", o.Cursor)
	}
	return call[ClusterList](ctx, c, http.MethodGet, "/clusters", q, nil)
}

// GetCluster returns one cluster, by its id or by the name of a live cluster of the caller. The same goes for ref below.
func (c *Client) GetCluster(ctx context.Context, ref string) (Cluster, error) {
	return call[Cluster](ctx, c, http.MethodGet, clusterPath(ref, ""), nil, nil)
}

// ScaleCluster sets how many workers are wanted.
func (c *Client) ScaleCluster(ctx context.Context, ref string, in ScaleRequest) (Cluster, error) {
	return call[Cluster](ctx, c, http.MethodPost, clusterPath(ref, "/scale"), nil, in)
}

// StopCluster asks for the end of a cluster; asking again changes nothing.
func (c *Client) StopCluster(ctx context.Context, ref string) (Cluster, error) {
	return call[Cluster](ctx, c, http.MethodPost, clusterPath(ref, "/stop"), nil, nil)
}

// Credentials returns what a Dask client needs to connect; the code is "scheduler_not_up" while the scheduler is not.
func (c *Client) Credentials(ctx context.Context, ref string) (Credentials, error) {
	return call[Credentials](ctx, c, http.MethodGet, clusterPath(ref, "/credentials"), nil, nil)
}

// ListProcesses lists the processes of a cluster, ended ones too.
func (c *Client) ListProcesses(ctx context.Context, ref string) (ProcessList, error) {
	return call[ProcessList](ctx, c, http.MethodGet, clusterPath(ref, "/processes"), nil, nil)
}

// ListEvents lists up to limit events of a cluster, newest first; 0 means the server's default.
func (c *Client) ListEvents(ctx context.Context, ref string, limit int) (EventList, error) {
	q := url.Values{}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return call[EventList](ctx, c, http.MethodGet, clusterPath(ref, "/events"), q, nil)
}

// LogsOptions selects logs.
type LogsOptions struct {
	// Process is the name or the id of one process; empty for all.
	Process string
	// TailBytes limits each log to about its last so many bytes; 0 means the server's default.
	TailBytes int64
}

// Logs returns the output of a cluster's processes.
func (c *Client) Logs(ctx context.Context, ref string, o LogsOptions) (LogsList, error) {
	q := url.Values{}
	if o.Process != "" {
		q.Set("process", o.Process)
	}
	if o.TailBytes > 0 {
		q.Set("tail_bytes", strconv.FormatInt(o.TailBytes, 10))
	}
	return call[LogsList](ctx, c, http.MethodGet, clusterPath(ref, "/logs"), q, nil)
}

// Bill says where the money of a cluster went.
func (c *Client) Bill(ctx context.Context, ref string) (Bill, error) {
	return call[Bill](ctx, c, http.MethodGet, clusterPath(ref, "/bill"), nil, nil)
}

// Formats of profiles.
const (
	ProfilePprof      = "pprof"
	ProfileSpeedscope = "speedscope"
	ProfileFolded     = "folded"
)

// Profile returns the bill of a cluster as a file that profilers open, in one of their formats. The sum of its costs is the bill's total.
func (c *Client) Profile(ctx context.Context, ref, format string) ([]byte, error) {
	endings := map[string]string{ProfilePprof: "pb.gz", ProfileSpeedscope: "speedscope.json", ProfileFolded: "folded"}
	ending, ok := endings[format]
	if !ok {
		return nil, fmt.Errorf("there is no profile in the format %q; there are %s, %s and %s", format, ProfilePprof, ProfileSpeedscope, ProfileFolded)
	}
	return c.download(ctx, clusterPath(ref, "/profile."+ending), nil)
}

// BillCSV returns the bill of a cluster as a table for spreadsheets.
func (c *Client) BillCSV(ctx context.Context, ref string) ([]byte, error) {
	return c.download(ctx, clusterPath(ref, "/bill.csv"), nil)
}

// Timeline shows what the workers of a cluster did, in so many bins; 0 means the server's default.
func (c *Client) Timeline(ctx context.Context, ref string, bins int) (Timeline, error) {
	q := url.Values{}
	if bins > 0 {
		q.Set("bins", strconv.Itoa(bins))
	}
	return call[Timeline](ctx, c, http.MethodGet, clusterPath(ref, "/timeline"), q, nil)
}

// ListSubmissions lists who asked a cluster for what, newest first, with what it cost.
func (c *Client) ListSubmissions(ctx context.Context, ref string) (SubmissionList, error) {
	return call[SubmissionList](ctx, c, http.MethodGet, clusterPath(ref, "/submissions"), nil, nil)
}

// ListReads lists what a cluster read and wrote, dearest first.
func (c *Client) ListReads(ctx context.Context, ref string) (ReadList, error) {
	return call[ReadList](ctx, c, http.MethodGet, clusterPath(ref, "/reads"), nil, nil)
}

// ReceiptOptions selects work.
type ReceiptOptions struct {
	// Since is when the work began.
	Since time.Time
	// Client is the id of the Dask client that submitted it; empty for all.
	Client string
}

// Receipt says what a client's work since a moment cost.
func (c *Client) Receipt(ctx context.Context, ref string, o ReceiptOptions) (Receipt, error) {
	q := url.Values{"since": {o.Since.UTC().Format(time.RFC3339Nano)}}
	if o.Client != "" {
		q.Set("client", o.Client)
	}
	return call[Receipt](ctx, c, http.MethodGet, clusterPath(ref, "/receipt"), q, nil)
}

// Resources shows what the processes of a cluster used, in so many bins; 0 means the server's default.
func (c *Client) Resources(ctx context.Context, ref string, bins int) (ResourceList, error) {
	q := url.Values{}
	if bins > 0 {
		q.Set("bins", strconv.Itoa(bins))
	}
	return call[ResourceList](ctx, c, http.MethodGet, clusterPath(ref, "/resources"), q, nil)
}

// Grades of the use of a package. Each includes the ones before it.
const (
	GradeInstalled = "installed"
	GradeImported  = "imported"
	GradeSeen      = "seen"
)

// PackageOptions selects packages.
type PackageOptions struct {
	// Name is a distribution, or a top-level module that it brings; empty for all.
	Name string
	// Version is a range of versions (PEP 440), such as "<2"; empty for all.
	Version string
	// Grade is the least one; empty for GradeInstalled.
	Grade string
	// Cluster is an id or a name; empty for all that the caller may see.
	Cluster string
}

// ListPackages says who has which package, and what its use cost.
func (c *Client) ListPackages(ctx context.Context, o PackageOptions) (PackageList, error) {
	q := url.Values{}
	for name, value := range map[string]string{"name": o.Name, "version": o.Version, "grade": o.Grade, "cluster": o.Cluster} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return call[PackageList](ctx, c, http.MethodGet, "/packages", q, nil)
}

// Environment shows what is installed in an environment.
func (c *Client) Environment(ctx context.Context, id string) (Environment, error) {
	return call[Environment](ctx, c, http.MethodGet, "/environments/"+url.PathEscape(id), nil, nil)
}

// ListSources lists the files of user code of a cluster, without their texts.
func (c *Client) ListSources(ctx context.Context, ref string) (SourceList, error) {
	return call[SourceList](ctx, c, http.MethodGet, clusterPath(ref, "/sources"), nil, nil)
}

// Source returns one file of user code.
func (c *Client) Source(ctx context.Context, ref, file string) (Source, error) {
	return call[Source](ctx, c, http.MethodGet, clusterPath(ref, "/source"), url.Values{"file": {file}}, nil)
}

// PutSource sends the text of a file that the server wants.
func (c *Client) PutSource(ctx context.Context, ref string, in PutSourceRequest) error {
	return c.call(ctx, http.MethodPut, clusterPath(ref, "/source"), nil, in, nil)
}

// CostOptions selects costs; zero times mean the server's default window.
type CostOptions struct {
	Since, Until time.Time
}

// Costs says what clusters cost in a window of time.
func (c *Client) Costs(ctx context.Context, o CostOptions) (CostList, error) {
	return call[CostList](ctx, c, http.MethodGet, "/cost", o.query(), nil)
}

func (o CostOptions) query() url.Values {
	q := url.Values{}
	if !o.Since.IsZero() {
		q.Set("since", o.Since.UTC().Format(time.RFC3339Nano))
	}
	if !o.Until.IsZero() {
		q.Set("until", o.Until.UTC().Format(time.RFC3339Nano))
	}
	return q
}

// CostFocus returns what the processes of one cluster, or of all if ref is empty, cost by hour, as a FOCUS 1.2 file.
func (c *Client) CostFocus(ctx context.Context, ref string, o CostOptions) ([]byte, error) {
	q := o.query()
	if ref != "" {
		q.Set("cluster", ref)
	}
	return c.download(ctx, "/cost.focus.csv", q)
}

// BreakdownOptions is a question of cost; zero values mean the server's defaults.
type BreakdownOptions struct {
	// By are one to six dimensions, see docs/cost.md.
	By []string
	// Where are filters like "operation=read.csv,read.parquet"; a value that ends in * stands for all that begin so.
	Where        []string
	Since, Until time.Time
	// Zone is an IANA time zone, by default the organisation's.
	Zone string
	// Limit is how many rows to list.
	Limit int
	// Figures are FiguresMetered, the default, or FiguresInvoiced.
	Figures string
}

// Figures that answers to questions of cost may be in.
const (
	FiguresMetered  = "metered"
	FiguresInvoiced = "invoiced"
)

func (o BreakdownOptions) query() url.Values {
	q := url.Values{"by": {strings.Join(o.By, ",")}, "where": o.Where}
	if !o.Since.IsZero() {
		q.Set("since", o.Since.UTC().Format(time.RFC3339Nano))
	}
	if !o.Until.IsZero() {
		q.Set("until", o.Until.UTC().Format(time.RFC3339Nano))
	}
	if o.Zone != "" {
		q.Set("zone", o.Zone)
	}
	if o.Limit != 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	if o.Figures != "" {
		q.Set("figures", o.Figures)
	}
	return q
}

// CostBreakdown says what was spent in a window of time, grouped by anything.
func (c *Client) CostBreakdown(ctx context.Context, o BreakdownOptions) (CostBreakdown, error) {
	return call[CostBreakdown](ctx, c, http.MethodGet, "/cost/breakdown", o.query(), nil)
}

// Formats of the files that hold answers to questions of cost.
const (
	FileCSV     = "csv"
	FileParquet = "parquet"
	FileArrow   = "arrow"
)

// CostFile answers the question of CostBreakdown with a file in one of the formats. Its column cost_nanos sums to the answer's total; without a limit it has
// all rows, up to a million.
func (c *Client) CostFile(ctx context.Context, o BreakdownOptions, format string) ([]byte, error) {
	switch format {
	case FileCSV, FileParquet, FileArrow:
		return c.download(ctx, "/cost/breakdown."+format, o.query())
	default:
		return nil, fmt.Errorf("there is no file of costs in the format %q; there are %s, %s and %s", format, FileCSV, FileParquet, FileArrow)
	}
}

// Rates returns the configured prices.
func (c *Client) Rates(ctx context.Context) (RateCard, error) {
	return call[RateCard](ctx, c, http.MethodGet, "/rates", nil, nil)
}

func clusterPath(ref, rest string) string { return "/clusters/" + url.PathEscape(ref) + rest }
