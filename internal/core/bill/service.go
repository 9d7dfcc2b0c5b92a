package bill

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Clusters finds what a bill is about.
type Clusters interface {
	Find(ctx context.Context, actor identity.Actor, ref string) (cluster.Cluster, error)
}

// Rows are the stored facts that a bill is made of.
type Rows interface {
	ProcessesByCluster(ctx context.Context, id cluster.ID) ([]cluster.Process, error)
	ListClusters(ctx context.Context, f cluster.ListFilter) ([]cluster.Cluster, error)
	LineUsageByCluster(ctx context.Context, id cluster.ID) ([]usage.LineUsage, error)
	CategoryUsageByCluster(ctx context.Context, id cluster.ID) ([]usage.CategoryUsage, error)
	// LineUsageOfHours and CategoryUsageOfHours return the rows that decide what was spent in the hours [since, until), as of a moment.
	LineUsageOfHours(ctx context.Context, id cluster.ID, since, until, asOf time.Time) ([]usage.LineUsage, error)
	CategoryUsageOfHours(ctx context.Context, id cluster.ID, since, until, asOf time.Time) ([]usage.CategoryUsage, error)
	// GPUHours says for how long devices were watched, and did nothing, in windows that begin within [since, until).
	GPUHours(ctx context.Context, id cluster.ID, since, until time.Time) ([]usage.GPUHour, error)
	SubmissionsByCluster(ctx context.Context, id cluster.ID) ([]usage.Submission, error)
	SessionsByCluster(ctx context.Context, id cluster.ID) ([]usage.Session, error)
	OriginsByCluster(ctx context.Context, id cluster.ID) ([]usage.Origin, error)
	PartsByCluster(ctx context.Context, id cluster.ID) ([]usage.Part, error)
	ReadsByCluster(ctx context.Context, id cluster.ID) ([]usage.Read, error)
	FoldStateByCluster(ctx context.Context, id cluster.ID) (usage.FoldState, error)
	FilesWithoutSource(ctx context.Context, id cluster.ID, prefix string) ([]string, error)
	ListSources(ctx context.Context, id cluster.ID) ([]usage.Source, error)
	SourceByFile(ctx context.Context, id cluster.ID, file string) (usage.Source, error)
	PutSource(ctx context.Context, s usage.Source) error
	UserByID(ctx context.Context, id identity.UserID) (identity.User, error)
}

// Folder brings the stored facts up to date.
type Folder interface {
	FoldAll(ctx context.Context, id cluster.ID) error
	// RulesVersion is that of the rules that name operations.
	RulesVersion() int
}

// Service answers what clusters cost and why.
type Service struct {
	clusters Clusters
	rows     Rows
	moment   identity.Snapshotter
	folder   Folder
	card     cost.Card
}

// NewService makes a Service.
func NewService(clusters Clusters, rows Rows, moment identity.Snapshotter, folder Folder, card cost.Card) *Service {
	return &Service{clusters: clusters, rows: rows, moment: moment, folder: folder, card: card}
}

// Bill returns the bill of a cluster up to now. Every read checks that its parts sum to the total; if they did not, the
// answer is an error instead of a wrong figure.
func (s *Service) Bill(ctx context.Context, now time.Time, actor identity.Actor, ref string) (Bill, error) {
	c, err := s.clusters.Find(ctx, actor, ref)
	if err != nil {
		return Bill{}, err
	}
	in, err := s.input(ctx, now, c)
	if err != nil {
		return Bill{}, err
	}
	b := Compute(in)
	if gap := b.Gap(); gap != 0 {
		return Bill{}, fmt.Errorf("bill of %s: parts miss the total by %d nano-units", c.ID, gap)
	}
	b.Prices = pricesOf(in.Processes, in.AsOf)
	if err := s.addTexts(ctx, &b, in); err != nil {
		return Bill{}, err
	}
	return b, nil
}

// Hours splits what a cluster spent in the hours that [since, until) touches, and says by which version of the rules its operations were named: 0 where nothing
// was named yet. The caller has found out that the cluster may be seen.
func (s *Service) Hours(ctx context.Context, now time.Time, c cluster.Cluster, since, until time.Time) (hours []Hour, rulesVersion int, err error) {
	if !since.Before(until) {
		return nil, 0, nil
	}
	first, last := startOf(hourOf(since)), startOf(hourOf(until.Add(-time.Microsecond))+1)
	in, err := s.read(ctx, now, c, reading{
		lines: func(ctx context.Context, asOf time.Time) ([]usage.LineUsage, error) {
			return s.rows.LineUsageOfHours(ctx, c.ID, first, last, asOf)
		},
		categories: func(ctx context.Context, asOf time.Time) ([]usage.CategoryUsage, error) {
			return s.rows.CategoryUsageOfHours(ctx, c.ID, first, last, asOf)
		},
		since: first, until: last,
	})
	if err != nil {
		return nil, 0, err
	}
	if in.State.ClusterID == "" {
		return Hours(in, since, until), 0, nil
	}
	return Hours(in, since, until), in.State.RulesVersion, nil
}

func (s *Service) input(ctx context.Context, now time.Time, c cluster.Cluster) (Input, error) {
	return s.inputWith(ctx, now, c, nil)
}

// inputWith reads what bills are made of, and lets the caller read more of the same moment.
func (s *Service) inputWith(ctx context.Context, now time.Time, c cluster.Cluster, more func(context.Context) error) (Input, error) {
	return s.read(ctx, now, c, reading{
		lines: func(ctx context.Context, _ time.Time) ([]usage.LineUsage, error) {
			return s.rows.LineUsageByCluster(ctx, c.ID)
		},
		categories: func(ctx context.Context, _ time.Time) ([]usage.CategoryUsage, error) {
			return s.rows.CategoryUsageByCluster(ctx, c.ID)
		},
		more: more,
	})
}

// reading is how the rows of a bill are read: all of them, or those of some hours. More, if there is any, is read at the same moment.
type reading struct {
	lines      func(ctx context.Context, asOf time.Time) ([]usage.LineUsage, error)
	categories func(ctx context.Context, asOf time.Time) ([]usage.CategoryUsage, error)
	more       func(context.Context) error
	// since and until are those hours; zero for all.
	since, until time.Time
}

func (s *Service) read(ctx context.Context, now time.Time, c cluster.Cluster, rows reading) (Input, error) {
	if err := s.folder.FoldAll(ctx, c.ID); err != nil {
		return Input{}, fmt.Errorf("fold telemetry: %w", err)
	}
	in := Input{ClusterID: c.ID, Card: s.card, AsOf: now}
	if !c.EndedAt.IsZero() && c.EndedAt.Before(now) {
		in.AsOf = c.EndedAt
	}
	// Lines and categories must be of one moment: a fold between two reads would count time twice.
	err := s.moment.Snapshot(ctx, func(ctx context.Context) error {
		var err error
		if in.Processes, err = s.rows.ProcessesByCluster(ctx, c.ID); err != nil {
			return fmt.Errorf("list processes: %w", err)
		}
		in.Card = cardOf(s.card, in.Processes)
		if in.Lines, err = rows.lines(ctx, in.AsOf); err != nil {
			return fmt.Errorf("list lines: %w", err)
		}
		if in.Categories, err = rows.categories(ctx, in.AsOf); err != nil {
			return fmt.Errorf("list categories: %w", err)
		}
		if slices.ContainsFunc(in.Processes, func(p cluster.Process) bool { return len(p.GPUs) > 0 }) {
			since, until := rows.since, rows.until
			if until.IsZero() {
				since, until = startOf(0), startOf(hourOf(in.AsOf)+1)
			}
			if in.GPUs, err = s.rows.GPUHours(ctx, c.ID, since, until); err != nil {
				return fmt.Errorf("list the hours of GPUs: %w", err)
			}
		}
		if in.Submissions, err = s.rows.SubmissionsByCluster(ctx, c.ID); err != nil {
			return fmt.Errorf("list submissions: %w", err)
		}
		if in.Origins, err = s.rows.OriginsByCluster(ctx, c.ID); err != nil {
			return fmt.Errorf("list origins: %w", err)
		}
		if in.Parts, err = s.rows.PartsByCluster(ctx, c.ID); err != nil {
			return fmt.Errorf("list parts: %w", err)
		}
		in.State, err = s.rows.FoldStateByCluster(ctx, c.ID)
		if errs.Is(err, errs.NotFound) { // nothing was folded yet
			in.State, err = usage.FoldState{RulesVersion: s.folder.RulesVersion()}, nil
		}
		if err != nil {
			return fmt.Errorf("read how it was folded: %w", err)
		}
		if rows.more == nil {
			return nil
		}
		return rows.more(ctx)
	})
	if err != nil {
		return Input{}, err
	}
	return in, nil
}

// addTexts puts the source of each line beside it.
func (s *Service) addTexts(ctx context.Context, b *Bill, in Input) error {
	texts := s.newTexts(in)
	for i := range b.Lines {
		l := &b.Lines[i]
		var err error
		if l.Text, err = texts.of(ctx, l.Line); err != nil {
			return err
		}
		if l.OriginText, err = texts.of(ctx, l.Origin); err != nil {
			return err
		}
	}
	return nil
}

// Timeline shows what the workers of a cluster did, in bins.
func (s *Service) Timeline(ctx context.Context, now time.Time, actor identity.Actor, ref string, bins int) (Timeline, error) {
	c, err := s.clusters.Find(ctx, actor, ref)
	if err != nil {
		return Timeline{}, err
	}
	if bins < 1 || bins > 1000 {
		return Timeline{}, errs.InvalidFields(errs.Field{Name: "bins", Message: fmt.Sprintf("A timeline has 1 to 1000 bins, not %d.", bins)})
	}
	in, err := s.input(ctx, now, c)
	if err != nil {
		return Timeline{}, err
	}
	return MakeTimeline(in.AsOf, bins, in.Processes, in.Categories), nil
}

// Costs says what each cluster cost within a window.
type Costs struct {
	Currency   cost.Currency
	Start, End time.Time
	Total      cost.Nanos
	// Items holds clusters that cost anything, dearest first.
	Items []ClusterCost
}

// ClusterCost is the cost of one cluster within a window.
type ClusterCost struct {
	Cluster cluster.Cluster
	Owner   identity.User
	Cost    cost.Nanos
}

// Costs returns what the clusters that the actor may see cost within [since, until). A zero since means the beginning, a zero until means now.
func (s *Service) Costs(ctx context.Context, now time.Time, actor identity.Actor, since, until time.Time) (Costs, error) {
	if until.IsZero() || until.After(now) {
		until = now
	}
	if until.Before(since) {
		return Costs{}, errs.InvalidFields(errs.Field{Name: "since", Message: "The window ends before it begins."})
	}
	clusters, err := s.clustersWithin(ctx, actor, since, until)
	if err != nil {
		return Costs{}, err
	}
	out := Costs{Currency: s.card.Currency, Start: since, End: until}
	for _, c := range clusters {
		item, err := s.costWithin(ctx, c, since, until)
		if err != nil {
			return Costs{}, err
		}
		if item.Cost == 0 {
			continue
		}
		out.Total += item.Cost
		out.Items = append(out.Items, item)
	}
	slices.SortStableFunc(out.Items, func(a, b ClusterCost) int { return cmp.Compare(b.Cost, a.Cost) })
	return out, nil
}

func (s *Service) costWithin(ctx context.Context, c cluster.Cluster, since, until time.Time) (ClusterCost, error) {
	owner, err := s.rows.UserByID(ctx, c.OwnerID)
	if err != nil {
		return ClusterCost{}, fmt.Errorf("find owner: %w", err)
	}
	processes, err := s.rows.ProcessesByCluster(ctx, c.ID)
	if err != nil {
		return ClusterCost{}, fmt.Errorf("list processes: %w", err)
	}
	item := ClusterCost{Cluster: c, Owner: owner}
	for _, p := range processes {
		item.Cost += p.Cost(until) - p.Cost(since) // both counted from the start, so windows side by side sum exactly
	}
	return item, nil
}

// Sources lists the files of user code of a cluster whose text the server has, without the texts.
func (s *Service) Sources(ctx context.Context, actor identity.Actor, ref string) ([]usage.Source, error) {
	c, err := s.clusters.Find(ctx, actor, ref)
	if err != nil {
		return nil, err
	}
	return s.rows.ListSources(ctx, c.ID)
}

// Source returns the text of one file. errs.NotFound if the server does not have it.
func (s *Service) Source(ctx context.Context, actor identity.Actor, ref, file string) (usage.Source, error) {
	c, err := s.clusters.Find(ctx, actor, ref)
	if err != nil {
		return usage.Source{}, err
	}
	source, err := s.rows.SourceByFile(ctx, c.ID, file)
	if errs.Is(err, errs.NotFound) {
		return usage.Source{}, errs.New(errs.NotFound, "", "The text of %s was not sent to the server.", file)
	}
	return source, err
}

// CellPrefix begins the names of notebook cells, whose text only a client has.
const CellPrefix = "cell:"

// PutSource keeps the text of a notebook cell that is part of the cluster's bill. errs.Invalid for any other file: those
// come from the processes that read them.
func (s *Service) PutSource(ctx context.Context, actor identity.Actor, ref, file, text string) error {
	c, err := s.clusters.Find(ctx, actor, ref)
	if err != nil {
		return err
	}
	if !actor.MayChange(c.OwnerID) {
		return errs.New(errs.Forbidden, "not_yours", "Only the owner of cluster %s and admins send texts of its code; nothing was changed.", c.Name)
	}
	wanted, err := s.SourcesWanted(ctx, c.ID)
	if err != nil {
		return err
	}
	if !slices.Contains(wanted, file) {
		return errs.InvalidFields(errs.Field{Name: "file", Message: fmt.Sprintf("The server does not want the text of %q; nothing was changed.", file)})
	}
	sum := sha256.Sum256([]byte(text))
	return s.rows.PutSource(ctx, usage.Source{ClusterID: c.ID, File: file, SHA256: hex.EncodeToString(sum[:]), Text: text})
}

// SourcesWanted lists the notebook cells that stand in the bill of a cluster and whose text the server lacks.
func (s *Service) SourcesWanted(ctx context.Context, id cluster.ID) ([]string, error) {
	// A client asks once, after the cluster's end: what has been reported must count by then.
	if err := s.folder.FoldAll(ctx, id); err != nil {
		return nil, fmt.Errorf("fold telemetry: %w", err)
	}
	return s.rows.FilesWithoutSource(ctx, id, CellPrefix)
}
