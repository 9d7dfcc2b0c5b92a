// Package ingest receives the telemetry of agents: it authenticates, decodes, validates, makes batches durable and only then
// acknowledges them. docs/telemetry.md is the contract.
package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// maxLength bounds every array and map of a message before memory is taken for it.
const maxLength = 100_000

// wireEnvelope is the body of a post.
type wireEnvelope struct {
	Version int      `msgpack:"v"`
	Agent   string   `msgpack:"agent"`
	Batches [][]byte `msgpack:"batches"`
}

// wireBatch mirrors docs/telemetry.md; rows that are arrays on the wire are arrays here.
type wireBatch struct {
	Version     int              `msgpack:"v"`
	Kind        string           `msgpack:"kind"`
	Process     string           `msgpack:"process"`
	Epoch       string           `msgpack:"epoch"`
	Seq         int64            `msgpack:"seq"`
	Final       bool             `msgpack:"final"`
	T0          int64            `msgpack:"t0_us"`
	T1          int64            `msgpack:"t1_us"`
	Threads     int64            `msgpack:"nthreads"`
	Strings     []string         `msgpack:"strings"`
	Files       []wireFile       `msgpack:"files"`
	Frames      []wireFrame      `msgpack:"frames"`
	Stacks      [][]int          `msgpack:"stacks"`
	Ledger      []wireLedger     `msgpack:"ledger"`
	Samples     []wireSample     `msgpack:"samples"`
	Idle        map[string]int64 `msgpack:"idle"`
	Submissions []wireSubmission `msgpack:"submissions"`
	Gauges      *wireGauges      `msgpack:"gauges"`
	File        string           `msgpack:"file"`
	SHA256      string           `msgpack:"sha256"`
	Text        string           `msgpack:"text"`
}

type wireFile struct {
	_msgpack struct{} `msgpack:",as_array"`
	Path     string
	Class    string
}

type wireFrame struct {
	_msgpack             struct{} `msgpack:",as_array"`
	File, Function, Line int
}

type wireLedger struct {
	_msgpack                   struct{} `msgpack:",as_array"`
	Submission                 int64
	Prefix                     int
	Slot, Thread, Done, Failed int64
}

type wireSample struct {
	_msgpack      struct{} `msgpack:",as_array"`
	Submission    int64
	Prefix, Stack int
	Wall, CPU     int64
}

type wireSubmission struct {
	ID       int64  `msgpack:"id"`
	At       int64  `msgpack:"at_us"`
	Client   string `msgpack:"client"`
	File     string `msgpack:"file"`
	Line     int    `msgpack:"line"`
	Function string `msgpack:"function"`
	Text     string `msgpack:"text"`
	Tasks    int64  `msgpack:"tasks"`
}

type wireGauges struct {
	Workers    int64 `msgpack:"workers"`
	Threads    int64 `msgpack:"threads"`
	Clients    int64 `msgpack:"clients"`
	Processing int64 `msgpack:"processing"`
	Queued     int64 `msgpack:"queued"`
	Waiting    int64 `msgpack:"waiting"`
	NoWorker   int64 `msgpack:"no_worker"`
	InMemory   int64 `msgpack:"in_memory"`
	Erred      int64 `msgpack:"erred"`
	Managed    int64 `msgpack:"managed_bytes"`
	Spilled    int64 `msgpack:"spilled_bytes"`
}

// Decode decodes one batch. Unknown fields are passed over, so that newer agents can say more; the result is not validated yet.
// errs.Invalid for anything that is not a batch.
func Decode(payload []byte) (*usage.Batch, error) {
	var w wireBatch
	if err := unmarshal(payload, &w); err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "invalid_batch", "This is not a batch in msgpack.")
	}
	b := &usage.Batch{
		Version: w.Version, Kind: w.Kind, Process: cluster.ProcessID(w.Process), Epoch: w.Epoch, Seq: w.Seq, Final: w.Final,
		T0Micros: w.T0, T1Micros: w.T1, Threads: w.Threads, Strings: w.Strings, Stacks: w.Stacks, Idle: w.Idle,
		File: w.File, SHA256: w.SHA256, Text: w.Text,
	}
	for _, f := range w.Files {
		b.Files = append(b.Files, usage.File{Path: f.Path, Class: f.Class})
	}
	for _, f := range w.Frames {
		b.Frames = append(b.Frames, usage.Frame{File: f.File, Function: f.Function, Line: f.Line})
	}
	for _, r := range w.Ledger {
		b.Ledger = append(b.Ledger, usage.LedgerRow{
			Submission: r.Submission, Prefix: r.Prefix, SlotMicros: r.Slot, ThreadMicros: r.Thread, Done: r.Done, Failed: r.Failed,
		})
	}
	for _, r := range w.Samples {
		b.Samples = append(b.Samples, usage.SampleRow{Submission: r.Submission, Prefix: r.Prefix, Stack: r.Stack, WallMicros: r.Wall, CPUMicros: r.CPU})
	}
	for _, s := range w.Submissions {
		b.Submissions = append(b.Submissions, usage.Submission{
			ID: s.ID, At: time.UnixMicro(s.At).UTC(), Client: s.Client, File: s.File, Line: s.Line, Function: s.Function, Text: s.Text, Tasks: s.Tasks,
		})
	}
	if g := w.Gauges; g != nil {
		b.Gauges = &cluster.Gauges{
			Workers: g.Workers, Threads: g.Threads, Clients: g.Clients, Processing: g.Processing, Queued: g.Queued, Waiting: g.Waiting,
			NoWorker: g.NoWorker, InMemory: g.InMemory, Erred: g.Erred, ManagedBytes: g.Managed, SpilledBytes: g.Spilled,
		}
	}
	return b, nil
}

func decodeEnvelope(body []byte) (wireEnvelope, error) {
	var w wireEnvelope
	if err := unmarshal(body, &w); err != nil {
		return w, errs.Wrap(err, errs.Invalid, "", "The body is not a msgpack map {v, agent, batches}; nothing was stored.")
	}
	if w.Version != 1 {
		return w, errs.New(errs.Invalid, "", "Version %d is not known; this server knows version 1. Nothing was stored.", w.Version)
	}
	if len(w.Batches) > maxBatches {
		return w, errs.New(errs.TooLarge, "", "The post holds %d batches; at most %d are taken at once. Nothing was stored; send fewer.", len(w.Batches), maxBatches)
	}
	return w, nil
}

// unmarshal decodes exactly one value. The library takes memory for an array as its header announces, so headers that announce
// more elements than bytes follow are refused first.
func unmarshal(data []byte, into any) (err error) {
	if err := checkShape(data); err != nil {
		return err
	}
	d := msgpack.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.PeekCode(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("bytes follow the value")
	}
	return nil
}
