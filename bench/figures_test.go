package main

import "testing"

func TestFiguresAddUpReports(t *testing.T) {
	t.Parallel()
	r := reporter{process: "cl_1-w-0-1", epoch: "e", until: 1_000_000}
	var f figures
	for i := range int64(3) {
		report, err := r.next((i + 2) * 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.add(report); err != nil {
			t.Fatal(err)
		}
	}
	if want := (figures{Seconds: 3, ThreadSeconds: 3 * reportThreads, AgentSeconds: 3 * 0.002}); f != want {
		t.Errorf("three reports of a second add up to %+v, want %+v", f, want)
	}
	if err := f.add([]byte("no report")); err == nil {
		t.Error("what is no report is added")
	}
}
