// Package ingest receives the telemetry of agents: it authenticates, decodes, validates, makes batches durable and only then
// acknowledges them. docs/telemetry.md is the contract.
package ingest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"

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
	Method      string           `msgpack:"method"`
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
	Res         *wireResources   `msgpack:"res"`
	Software    *wireSoftware    `msgpack:"software"`
	Submissions []wireSubmission `msgpack:"submissions"`
	Sessions    []wireSession    `msgpack:"sessions"`
	Origins     []wireOrigin     `msgpack:"origins"`
	Parts       []wirePart       `msgpack:"parts"`
	Reads       []wireRead       `msgpack:"reads"`
	Workers     []wireWorker     `msgpack:"workers"`
	Cluster     *wireCluster     `msgpack:"cluster"`
	Gauges      *wireGauges      `msgpack:"gauges"`
	File        string           `msgpack:"file"`
	SHA256      string           `msgpack:"sha256"`
	Text        string           `msgpack:"text"`

	// Of a software batch.
	Environment    string            `msgpack:"environment"`
	Python         string            `msgpack:"python"`
	Implementation string            `msgpack:"implementation"`
	Platform       string            `msgpack:"platform"`
	Details        map[string]string `msgpack:"details"`
	Packages       []wirePackage     `msgpack:"packages"`
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

// wireLedger has six numbers at least; the later ones came later.
type wireLedger struct {
	Submission, Prefix, Slot, Thread, Done, Failed int64
	Origin, Native                                 int64
}

// DecodeMsgpack reads a row.
func (w *wireLedger) DecodeMsgpack(d *msgpack.Decoder) error {
	return decodeNumbers(d, 6, &w.Submission, &w.Prefix, &w.Slot, &w.Thread, &w.Done, &w.Failed, &w.Origin, &w.Native)
}

// wireSample has five numbers at least.
type wireSample struct {
	Submission, Prefix, Stack, Wall, CPU int64
	Origin, Part                         int64
}

// DecodeMsgpack reads a row.
func (w *wireSample) DecodeMsgpack(d *msgpack.Decoder) error {
	return decodeNumbers(d, 5, &w.Submission, &w.Prefix, &w.Stack, &w.Wall, &w.CPU, &w.Origin, &w.Part)
}

// decodeNumbers reads an array of whole numbers into fields. Of them the first few must be there; what follows the last is passed over, so that newer agents can
// say more.
func decodeNumbers(d *msgpack.Decoder, least int, fields ...*int64) error {
	n, err := d.DecodeArrayLen()
	if err != nil {
		return err
	}
	if n < least {
		return fmt.Errorf("a row has %d numbers, at least %d are needed", n, least)
	}
	for i := range n {
		if i >= len(fields) {
			err = d.Skip()
		} else {
			*fields[i], err = d.DecodeInt64()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// index turns a number of the wire into an index; one too large for an int becomes an index that is outside of everything.
func index(n int64) int {
	if n < 0 || n > math.MaxInt32 {
		return -1
	}
	return int(n)
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

	Tags   map[string]string `msgpack:"tags"`
	Span   []string          `msgpack:"span"`
	Levels map[string]int64  `msgpack:"levels"`
}

type wireSession struct {
	Client      string   `msgpack:"client"`
	User        string   `msgpack:"user"`
	Host        string   `msgpack:"host"`
	Kind        string   `msgpack:"kind"`
	Path        string   `msgpack:"path"`
	Commit      string   `msgpack:"commit"`
	Dirty       bool     `msgpack:"dirty"`
	Environment string   `msgpack:"environment"`
	Imported    []string `msgpack:"imported"`
}

type wireOrigin struct {
	ID       int64        `msgpack:"id"`
	File     string       `msgpack:"file"`
	Line     int          `msgpack:"line"`
	Function string       `msgpack:"function"`
	Text     string       `msgpack:"text"`
	Callers  []wireCaller `msgpack:"callers"`
	Shared   []int64      `msgpack:"shared"`
}

type wireCaller struct {
	_msgpack struct{} `msgpack:",as_array"`
	File     string
	Line     int
	Function string
}

type wirePart struct {
	_msgpack   struct{} `msgpack:",as_array"`
	Submission int64
	Name       string
	Origin     int64
}

type wireRead struct {
	Submission  int64  `msgpack:"submission"`
	Prefix      string `msgpack:"prefix"`
	Origin      int64  `msgpack:"origin"`
	Direction   string `msgpack:"direction"`
	Format      string `msgpack:"format"`
	Engine      string `msgpack:"engine"`
	Compression string `msgpack:"compression"`
	Path        string `msgpack:"path"`
	Files       int64  `msgpack:"files"`
	Tasks       int64  `msgpack:"tasks"`
	Bytes       int64  `msgpack:"bytes"`
	Columns     int    `msgpack:"columns"`
	ColumnsUsed int    `msgpack:"columns_used"`
	PushedDown  bool   `msgpack:"pushed_down"`
}

type wireWorker struct {
	Process   string `msgpack:"process"`
	Name      string `msgpack:"name"`
	Host      string `msgpack:"host"`
	Threads   int    `msgpack:"nthreads"`
	Memory    int64  `msgpack:"memory_bytes"`
	Started   int64  `msgpack:"started_us"`
	Ended     int64  `msgpack:"ended_us"`
	Reason    string `msgpack:"reason"`
	LostTasks int64  `msgpack:"lost_tasks"`
}

type wireCluster struct {
	Deployment       string `msgpack:"deployment"`
	SchedulerAddress string `msgpack:"scheduler_address"`
	Dashboard        string `msgpack:"dashboard"`
	Host             string `msgpack:"host"`
	User             string `msgpack:"user"`
	Python           string `msgpack:"python"`
	Dask             string `msgpack:"dask"`
	Distributed      string `msgpack:"distributed"`
}

type wireSoftware struct {
	Environment string   `msgpack:"environment"`
	Imported    []string `msgpack:"imported"`
}

type wirePackage struct {
	_msgpack struct{} `msgpack:",as_array"`
	Name     string
	Version  string
	Manager  string
	Modules  []string
}

type wireResources struct {
	RSS         int64     `msgpack:"rss_bytes"`
	RSSPeak     int64     `msgpack:"rss_peak_bytes"`
	Managed     int64     `msgpack:"managed_bytes"`
	Spilled     int64     `msgpack:"spilled_bytes"`
	Limit       int64     `msgpack:"memory_limit_bytes"`
	CPU         int64     `msgpack:"cpu_us"`
	TransferIn  int64     `msgpack:"transfer_in_bytes"`
	TransferOut int64     `msgpack:"transfer_out_bytes"`
	DiskRead    int64     `msgpack:"disk_read_bytes"`
	DiskWrite   int64     `msgpack:"disk_write_bytes"`
	GPUs        []wireGPU `msgpack:"gpus"`
}

type wireGPU struct {
	UUID        string `msgpack:"uuid"`
	Index       int    `msgpack:"index"`
	Name        string `msgpack:"name"`
	Observed    int64  `msgpack:"observed_us"`
	Util        int64  `msgpack:"util_us"`
	SM          *int64 `msgpack:"sm_us"`
	Idle        int64  `msgpack:"idle_us"`
	MemoryPeak  int64  `msgpack:"memory_peak_bytes"`
	MemoryTotal int64  `msgpack:"memory_total_bytes"`
	Energy      int64  `msgpack:"energy_mj"`
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
		Method: cmp.Or(w.Method, usage.MethodAgent), T0Micros: w.T0, T1Micros: w.T1, Threads: w.Threads, Strings: w.Strings, Stacks: w.Stacks,
		Idle: w.Idle, File: w.File, SHA256: w.SHA256, Text: w.Text, Res: w.Res.resources(), Software: w.Software.software(),
		Cluster: w.Cluster.reported(),
	}
	if w.Kind == usage.KindSoftware {
		b.Environment = w.environment()
	}
	for _, f := range w.Files {
		b.Files = append(b.Files, usage.File{Path: f.Path, Class: f.Class})
	}
	for _, f := range w.Frames {
		b.Frames = append(b.Frames, usage.Frame{File: f.File, Function: f.Function, Line: f.Line})
	}
	for _, r := range w.Ledger {
		b.Ledger = append(b.Ledger, usage.LedgerRow{
			Submission: r.Submission, Prefix: index(r.Prefix), SlotMicros: r.Slot, ThreadMicros: r.Thread, Done: r.Done, Failed: r.Failed,
			Origin: r.Origin, NativeMicros: r.Native,
		})
	}
	for _, r := range w.Samples {
		b.Samples = append(b.Samples, usage.SampleRow{
			Submission: r.Submission, Prefix: index(r.Prefix), Stack: index(r.Stack), WallMicros: r.Wall, CPUMicros: r.CPU, Origin: r.Origin, Part: index(r.Part),
		})
	}
	w.addFacts(b)
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
