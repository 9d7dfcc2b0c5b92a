package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
)

// Metered is what is booked for one process in a month, for hours of that month.
type Metered struct {
	Process  cluster.ProcessID
	Cluster  cluster.ID
	Owner    identity.UserID
	Backend  string
	Currency cost.Currency
	Handle   string
	// Hour is the first of those hours.
	Hour time.Time
	// Metered are charges and corrections, TruedUp the true-ups so far, TrueUps how many there are at most for one hour.
	Metered, TruedUp cost.Nanos
	TrueUps          int
}

// ImportStore is what imports of invoices read and write.
type ImportStore interface {
	ClosedThrough(ctx context.Context) (Month, error)
	// MonthByProcess returns what is booked in a month for hours since a moment, by process.
	MonthByProcess(ctx context.Context, month Month, since time.Time) ([]Metered, error)
	AddEntries(ctx context.Context, entries []Entry) error
	AddImport(ctx context.Context, in Imported) error
	Imports(ctx context.Context, month Month) ([]Imported, error)
}

// ImportInput is an invoice and how to read it.
type ImportInput struct {
	Month Month
	// File is a FOCUS file as CSV, plain or packed by gzip.
	File io.Reader
	// Source names it in words.
	Source string
	// CostColumn is one of CostColumns.
	CostColumn string
	// Rules say what rows are for, before those that name it themselves.
	Rules []string
	// DryRun only says what would be booked.
	DryRun bool
}

// Imported is an import that was done.
type Imported struct {
	ID     string
	Month  Month
	Source string
	SHA256 string
	Rules  []string
	At     time.Time
	By     string
	Result TrueUpResult
}

// TrueUpResult says how an invoice was matched with a month, and what was booked.
type TrueUpResult struct {
	Month    Month         `json:"month"`
	Currency cost.Currency `json:"currency"`
	// Rows is how many rows of the month the file has, OtherMonths how many of others, which are left out.
	Rows        int64 `json:"rows"`
	OtherMonths int64 `json:"other_months"`
	// Invoiced is what the rows that were matched sum to, Metered the charges and corrections that they are for, Booked the true-ups of this import.
	Invoiced cost.Nanos `json:"invoiced"`
	Metered  cost.Nanos `json:"metered"`
	Booked   cost.Nanos `json:"booked"`
	Entries  int        `json:"entries"`
	// Factors has the groups of rows that were matched, dearest first, MaxShown at most.
	Factors []Factor `json:"factors"`
	Groups  int      `json:"groups"`
	// NotOurs are rows that nothing of ours was found for; they are never spread over anything.
	NotOurs     []NotOurs  `json:"not_ours"`
	NotOursRows int64      `json:"not_ours_rows"`
	NotOursCost cost.Nanos `json:"not_ours_cost"`
	// NotInvoiced is what is booked in the month for processes that no row is for; it stays as it is metered.
	NotInvoiced          cost.Nanos `json:"not_invoiced"`
	NotInvoicedProcesses int        `json:"not_invoiced_processes"`
	DryRun               bool       `json:"dry_run"`
	// Unchanged says that nothing was written: the books had all of it.
	Unchanged bool `json:"unchanged"`
}

// Factor is a group of rows that are for one thing, and what that was metered at.
type Factor struct {
	Target   string     `json:"target"`
	Rows     int64      `json:"rows"`
	Invoiced cost.Nanos `json:"invoiced"`
	Metered  cost.Nanos `json:"metered"`
	// Booked is the sum of the true-ups of this import, TruedUp of those before it.
	Booked    cost.Nanos `json:"booked"`
	TruedUp   cost.Nanos `json:"trued_up"`
	Processes int        `json:"processes"`
}

// Ratio is what was invoiced for each unit that was metered.
func (f Factor) Ratio() float64 { return float64(f.Invoiced) / float64(f.Metered) }

// NotOurs are rows of one service that are for nothing of ours.
type NotOurs struct {
	Provider string     `json:"provider"`
	Service  string     `json:"service"`
	Reason   string     `json:"reason"`
	Rows     int64      `json:"rows"`
	Cost     cost.Nanos `json:"cost"`
}

const (
	// MaxShown is how many groups a result lists of each kind.
	MaxShown = 200
	// maxGroups bounds how many groups are added up.
	maxGroups = 500_000
	// maxStrangers bounds how many services that are not ours are told apart.
	maxStrangers = 1000
)

const (
	reasonNoTarget = "no rule leads to anything that ran in this month"
	reasonNothing  = "it was matched, but nothing is metered that it could be for"
	reasonNegative = "it was matched, and sums to less than nothing"
)

// group is money of rows that are added up.
type group struct {
	rows   int64
	amount big.Int
}

func (g *group) add(row invoiceRow) {
	g.rows++
	g.amount.Add(&g.amount, row.amount)
}

type stranger struct{ provider, service, reason string }

// invoice is a file, added up.
type invoice struct {
	rows, otherMonths int64
	currency          cost.Currency
	groups            map[target]*group
	strangers         map[stranger]*group
	sha256            string
}

// Import trues a month up to an invoice: for each group of rows that are for the same processes, those processes' entries sum to the group's sum afterwards. The same
// file again changes nothing. Only administrators may. errs.Conflict if the month is closed, or not over.
func (s *Service) Import(ctx context.Context, now time.Time, actor identity.Actor, in ImportInput) (TrueUpResult, error) {
	if actor.User.Role != identity.RoleAdmin {
		return TrueUpResult{}, errs.New(errs.Forbidden, "", "Only admins import invoices: they apply to everybody. Nothing was imported; ask one.")
	}
	if !slices.Contains(CostColumns, in.CostColumn) {
		return TrueUpResult{}, errs.InvalidFields(errs.Field{Name: "cost", Message: fmt.Sprintf("%.60q cannot say what a row costs; choose from %s. Nothing was imported.", in.CostColumn, strings.Join(CostColumns, ", "))})
	}
	rules, err := ParseRules(in.Rules)
	if err != nil {
		return TrueUpResult{}, err
	}
	start, end := in.Month.Window(s.zone)
	if over := end.Add(Grace); now.Before(over) {
		return TrueUpResult{}, errs.New(errs.Conflict, "month_not_over", "%s can be trued up from %s on, when its last hour is posted. Nothing was imported.", in.Month, over.UTC().Format(time.RFC3339))
	}
	if err := s.open(ctx, in.Month); err != nil {
		return TrueUpResult{}, err
	}
	if _, err := s.poster.Post(ctx, now); err != nil {
		return TrueUpResult{}, err
	}
	processes, err := s.store.MonthByProcess(ctx, in.Month, start)
	if err != nil {
		return TrueUpResult{}, err
	}
	currency, err := currencyOf(processes, in.Month, s.currency)
	if err != nil {
		return TrueUpResult{}, err
	}
	sums, err := addUp(in, rules, newKnown(processes), currency)
	if err != nil {
		return TrueUpResult{}, err
	}
	var result TrueUpResult
	err = s.tx.Atomically(ctx, func(ctx context.Context) error {
		if err := s.open(ctx, in.Month); err != nil {
			return err
		}
		processes, err := s.store.MonthByProcess(ctx, in.Month, start)
		if err != nil {
			return err
		}
		var entries []Entry
		result, entries = trueUp(in.Month, sums, processes)
		result.DryRun = in.DryRun
		if in.DryRun {
			return nil
		}
		return s.write(ctx, now, actor, in, sums.sha256, &result, entries)
	})
	return result, err
}

// open refuses a month that is closed.
func (s *Service) open(ctx context.Context, month Month) error {
	closed, err := s.store.ClosedThrough(ctx)
	if err != nil {
		return err
	}
	if month <= closed {
		return errs.New(errs.Conflict, "month_closed", "%s is closed, so its figures do not change any more. Nothing was imported.", month)
	}
	return nil
}

// write books true-ups and the import that they come from, unless the books have all of it.
func (s *Service) write(ctx context.Context, now time.Time, actor identity.Actor, in ImportInput, sum string, result *TrueUpResult, entries []Entry) error {
	if len(entries) == 0 {
		before, err := s.store.Imports(ctx, in.Month)
		if err != nil {
			return err
		}
		result.Unchanged = slices.ContainsFunc(before, func(i Imported) bool { return i.SHA256 == sum && slices.Equal(i.Rules, in.Rules) })
		if result.Unchanged {
			return nil
		}
	}
	done := Imported{
		ID: id.New("im", now), Month: in.Month, Source: in.Source, SHA256: sum, Rules: in.Rules, At: now, By: actor.User.Name, Result: *result,
	}
	for i := range entries {
		entries[i].Import, entries[i].RecordedAt = done.ID, now
	}
	if err := s.store.AddImport(ctx, done); err != nil {
		return err
	}
	return s.store.AddEntries(ctx, entries)
}

// currencyOf is the one currency of what is booked in a month.
func currencyOf(processes []Metered, month Month, currency cost.Currency) (cost.Currency, error) {
	for i, p := range processes {
		if i > 0 && p.Currency != currency {
			return "", errs.New(errs.Conflict, "two_currencies", "%s has entries in %s and in %s, and an invoice can only be for one. Nothing was imported.", month, currency, p.Currency)
		}
		currency = p.Currency
	}
	return currency, nil
}

// addUp reads a file to its end and adds its rows of the month up by what they are for.
func addUp(in ImportInput, rules []Rule, ours known, currency cost.Currency) (invoice, error) {
	out := invoice{currency: currency, groups: map[target]*group{}, strangers: map[stranger]*group{}}
	hash := sha256.New()
	err := readInvoice(io.TeeReader(in.File, hash), in.CostColumn, columns(rules), func(row invoiceRow) error {
		if row.month != in.Month {
			out.otherMonths++
			return nil
		}
		if row.currency != currency {
			return wrongLine(row.line, "its currency is %s, and the books of %s are kept in %s.", row.currency, in.Month, currency)
		}
		out.rows++
		t, ok, err := ours.of(row, rules)
		if err != nil {
			return err
		}
		if !ok {
			out.strange(stranger{row.get(columnProvider), row.get(columnService), reasonNoTarget}).add(row)
			return nil
		}
		g := out.groups[t]
		if g == nil {
			if len(out.groups) >= maxGroups {
				return wrongLine(row.line, "the rows before it are for %d different things, more than can be told apart.", maxGroups)
			}
			g = &group{}
			out.groups[t] = g
		}
		g.add(row)
		return nil
	})
	if err != nil {
		return out, err
	}
	if out.rows == 0 {
		return out, errs.New(errs.Invalid, "no_rows_of_month", "None of the %d rows of the file has a %s in %s. Nothing was imported.", out.otherMonths, columnPeriod, in.Month)
	}
	if _, err := io.Copy(hash, in.File); err != nil { // what follows the end that gzip knows
		return out, readProblem(err, int(out.rows))
	}
	out.sha256 = hex.EncodeToString(hash.Sum(nil))
	return out, nil
}

func (v *invoice) strange(s stranger) *group {
	g := v.strangers[s]
	if g == nil {
		if len(v.strangers) >= maxStrangers {
			s.provider, s.service = "", "(others)"
			if g = v.strangers[s]; g != nil {
				return g
			}
		}
		g = &group{}
		v.strangers[stranger{strings.Clone(s.provider), strings.Clone(s.service), s.reason}] = g
	}
	return g
}

// trueUp compares an invoice with what is booked, and makes the entries that bring each group of rows' processes to what was invoiced for them: each process to its part by
// largest remainder, in proportion to what it was metered at. A process belongs to the narrowest group that names it: itself, its cluster, its backend.
func trueUp(month Month, v invoice, processes []Metered) (TrueUpResult, []Entry) {
	out := TrueUpResult{Month: month, Currency: v.currency, Rows: v.rows, OtherMonths: v.otherMonths, Factors: []Factor{}, NotOurs: []NotOurs{}}
	members := map[target][]Metered{}
	for _, p := range processes {
		t, ok := narrowest(v.groups, p)
		if !ok {
			out.NotInvoiced += p.Metered + p.TruedUp
			out.NotInvoicedProcesses++
			continue
		}
		members[t] = append(members[t], p)
	}
	targets := make([]target, 0, len(v.groups))
	for t := range v.groups {
		targets = append(targets, t)
	}
	slices.SortFunc(targets, func(a, b target) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.value, b.value)) })
	var entries []Entry
	for _, t := range targets {
		g := v.groups[t]
		f := Factor{Target: t.String(), Rows: g.rows, Processes: len(members[t])}
		for _, p := range members[t] {
			f.Metered += p.Metered
			f.TruedUp += p.TruedUp
		}
		var fits bool
		if f.Invoiced, fits = toNanos(&g.amount); !fits || f.Invoiced < 0 || f.Metered <= 0 {
			reason := reasonNothing
			if f.Metered > 0 {
				reason = reasonNegative
			}
			out.stranger(NotOurs{Service: f.Target, Reason: reason, Rows: g.rows, Cost: f.Invoiced})
			for _, p := range members[t] {
				out.NotInvoiced += p.Metered + p.TruedUp
				out.NotInvoicedProcesses++
			}
			continue
		}
		made := f.book(month, members[t])
		for _, e := range made {
			f.Booked += e.Cost
		}
		entries = append(entries, made...)
		out.Invoiced += f.Invoiced
		out.Metered += f.Metered
		out.Booked += f.Booked
		out.Factors = append(out.Factors, f)
	}
	out.Entries, out.Groups = len(entries), len(out.Factors)
	slices.SortStableFunc(out.Factors, func(a, b Factor) int { return cmp.Compare(b.Invoiced, a.Invoiced) })
	out.Factors = out.Factors[:min(len(out.Factors), MaxShown)]
	for s, g := range v.strangers {
		amount, _ := toNanos(&g.amount)
		out.stranger(NotOurs{Provider: s.provider, Service: s.service, Reason: s.reason, Rows: g.rows, Cost: amount})
	}
	slices.SortFunc(out.NotOurs, func(a, b NotOurs) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Reason, b.Reason))
	})
	out.NotOurs = out.NotOurs[:min(len(out.NotOurs), MaxShown)]
	return out, entries
}

func (r *TrueUpResult) stranger(n NotOurs) {
	r.NotOurs = append(r.NotOurs, n)
	r.NotOursRows += n.Rows
	r.NotOursCost += n.Cost
}

func narrowest(groups map[target]*group, p Metered) (target, bool) {
	for _, t := range []target{{targetProcess, string(p.Process)}, {targetCluster, string(p.Cluster)}, {targetBackend, p.Backend}} {
		if groups[t] != nil {
			return t, true
		}
	}
	return target{}, false
}

// book makes the entries of one group.
func (f Factor) book(month Month, processes []Metered) []Entry {
	weights := make([]int64, len(processes))
	for i, p := range processes {
		weights[i] = int64(p.Metered)
	}
	var entries []Entry
	for i, goal := range cost.Split(f.Invoiced, weights) {
		p := processes[i]
		amount := goal - p.Metered - p.TruedUp
		if amount == 0 {
			continue
		}
		entries = append(entries, Entry{
			Kind: TrueUp, Process: p.Process, Cluster: p.Cluster, Owner: p.Owner, Backend: p.Backend, Hour: p.Hour, Sequence: p.TrueUps + 1, Month: month,
			Cost: amount, Rate: cost.Rate{Currency: p.Currency},
			Reason: fmt.Sprintf("%s was invoiced at %.6f of what was metered.", f.Target, f.Ratio()),
		})
	}
	return entries
}

// EncodeResult and DecodeResult write a result as stores keep it.
func EncodeResult(r TrueUpResult) (string, error) {
	b, err := json.Marshal(r)
	return string(b), err
}

// DecodeResult reads what EncodeResult wrote.
func DecodeResult(text string) (TrueUpResult, error) {
	var r TrueUpResult
	err := json.Unmarshal([]byte(text), &r)
	return r, err
}
