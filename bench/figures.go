package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/vmihailenco/msgpack/v5"
)

// packedMark begins reports that the server's database keeps packed.
var packedMark = []byte{0x28, 0xb5, 0x2f, 0xfd}

// readFigures adds up what the agents of all workers said about themselves, from a server's database: no answer of the server holds it.
func readFigures(ctx context.Context, env *Env, server *Server) (figures, error) {
	var f figures
	var reports [][]byte
	if err := env.RunPython(ctx, "agent_payloads.py", nil, &reports, server.Database()); err != nil {
		return f, err
	}
	unpack, err := zstd.NewReader(nil)
	if err != nil {
		return f, fmt.Errorf("read the agents' figures: %w", err)
	}
	defer unpack.Close()
	for _, report := range reports {
		if bytes.HasPrefix(report, packedMark) {
			if report, err = unpack.DecodeAll(report, nil); err != nil {
				return f, fmt.Errorf("read the agents' figures: %w", err)
			}
		}
		if err := f.add(report); err != nil {
			return f, fmt.Errorf("read the agents' figures: %w", err)
		}
	}
	return f, nil
}

// add adds one report.
func (f *figures) add(payload []byte) error {
	var report struct {
		T0      int64 `msgpack:"t0_us"`
		T1      int64 `msgpack:"t1_us"`
		Threads int64 `msgpack:"nthreads"`
		Health  struct {
			CPU     int64   `msgpack:"self_cpu_us"`
			Dropped float64 `msgpack:"dropped"`
			Errors  float64 `msgpack:"errors"`
		} `msgpack:"health"`
	}
	if err := msgpack.Unmarshal(payload, &report); err != nil {
		return err
	}
	seconds := float64(report.T1-report.T0) / 1e6
	f.Seconds += seconds
	f.ThreadSeconds += seconds * float64(report.Threads)
	f.AgentSeconds += float64(report.Health.CPU) / 1e6
	f.Dropped = max(f.Dropped, report.Health.Dropped)
	f.Errors = max(f.Errors, report.Health.Errors)
	return nil
}
