package usage

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
)

// sums is what the batches of one transaction come to: lines that several of them name are one row.
type sums struct {
	rules       int
	lines       map[LineUsage]*LineUsage
	categories  []CategoryUsage
	submissions []Submission
	sessions    []Session
	origins     []Origin
	parts       []Part
	reads       []Read
	sources     []Source
	gauges      map[cluster.ID]cluster.Gauges
	states      map[cluster.ID]FoldState
	// told says since when schedulers have told where work belongs.
	told map[cluster.ID]time.Time
}

func (s *sums) add(p prepared) {
	if p.batch == nil {
		return
	}
	switch p.batch.Kind {
	case KindWorker:
		for _, l := range p.folded.Lines {
			s.addLine(l)
		}
		s.categories = append(s.categories, p.folded.Categories...)
		s.addState(p.raw.ClusterID, p.batch.Method == MethodSampled)
	case KindScheduler:
		s.addFacts(p.raw.ClusterID, p.batch)
		s.addTold(p.raw, p.batch)
		if g := p.batch.Gauges; g != nil {
			s.setGauges(p.raw, *g)
		}
	case KindSource:
		s.sources = append(s.sources, Source{ClusterID: p.raw.ClusterID, File: p.batch.File, SHA256: p.batch.SHA256, Text: p.batch.Text})
	}
}

func (s *sums) addLine(l LineUsage) {
	key := l
	key.ThreadMicros, key.CPUMicros, key.NativeMicros = 0, 0, 0
	if s.lines == nil {
		s.lines = map[LineUsage]*LineUsage{}
	}
	if sum, ok := s.lines[key]; ok {
		sum.ThreadMicros += l.ThreadMicros
		sum.CPUMicros += l.CPUMicros
		sum.NativeMicros += l.NativeMicros
		return
	}
	s.lines[key] = &l
}

func (s *sums) addState(id cluster.ID, sampled bool) {
	if s.states == nil {
		s.states = map[cluster.ID]FoldState{}
	}
	state := s.states[id]
	s.states[id] = FoldState{ClusterID: id, RulesVersion: s.rules, Sampled: state.Sampled || sampled}
}

// addTold notes since when work may have been waiting for what a scheduler says. Both clocks may be wrong, so the earlier counts.
func (s *sums) addTold(raw RawBatch, b *Batch) {
	if len(b.Submissions)+len(b.Origins)+len(b.Parts) == 0 {
		return
	}
	since := time.UnixMicro(b.T0Micros).UTC()
	if raw.ReceivedAt.Before(since) {
		since = raw.ReceivedAt
	}
	if s.told == nil {
		s.told = map[cluster.ID]time.Time{}
	}
	if was, ok := s.told[raw.ClusterID]; !ok || since.Before(was) {
		s.told[raw.ClusterID] = since
	}
}

// addFacts keeps what a scheduler said, as of its cluster.
func (s *sums) addFacts(id cluster.ID, b *Batch) {
	for _, submission := range b.Submissions {
		submission.ClusterID = id
		s.submissions = append(s.submissions, submission)
	}
	for _, session := range b.Sessions {
		session.ClusterID = id
		s.sessions = append(s.sessions, session)
	}
	for _, origin := range b.Origins {
		origin.ClusterID = id
		s.origins = append(s.origins, origin)
	}
	for _, part := range b.Parts {
		part.ClusterID = id
		s.parts = append(s.parts, part)
	}
	for _, read := range b.Reads {
		read.ClusterID = id
		s.reads = append(s.reads, read)
	}
}

func (s *sums) setGauges(raw RawBatch, g cluster.Gauges) {
	g.At = raw.ReceivedAt
	if s.gauges == nil {
		s.gauges = map[cluster.ID]cluster.Gauges{}
	}
	if was, ok := s.gauges[raw.ClusterID]; !ok || !g.At.Before(was.At) {
		s.gauges[raw.ClusterID] = g
	}
}

func (f *Folder) write(ctx context.Context, s *sums) error {
	lines := make([]LineUsage, 0, len(s.lines))
	for _, sum := range s.lines {
		lines = append(lines, *sum)
	}
	slices.SortFunc(lines, compareLines) // in one order everywhere, so that two transactions do not wait in a circle
	if err := f.store.AddLineUsage(ctx, lines); err != nil {
		return err
	}
	if err := f.store.AddCategoryUsage(ctx, s.categories); err != nil {
		return err
	}
	if err := f.writeFacts(ctx, s); err != nil {
		return err
	}
	for _, source := range s.sources {
		if err := f.store.PutSource(ctx, source); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.gauges)) {
		if err := f.gauges.SetGauges(ctx, id, s.gauges[id]); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.states)) {
		if err := f.store.NoteFolded(ctx, s.states[id]); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) writeFacts(ctx context.Context, s *sums) error {
	if err := f.store.PutSubmissions(ctx, s.submissions); err != nil {
		return err
	}
	if err := f.store.PutSessions(ctx, s.sessions); err != nil {
		return err
	}
	if err := f.store.PutOrigins(ctx, s.origins); err != nil {
		return err
	}
	if err := f.store.PutParts(ctx, s.parts); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(s.told)) {
		if err := f.store.MarkSince(ctx, id, s.told[id]); err != nil {
			return err
		}
	}
	return f.store.PutReads(ctx, s.reads)
}
