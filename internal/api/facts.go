package api

import (
	"context"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/sdk"
)

type receiptInput struct {
	ClusterRef
	Since  time.Time `query:"since" required:"true" doc:"When the work began: submissions from then on count"`
	Client string    `query:"client" maxLength:"200" doc:"Id of the Dask client that submitted it; all clients by default"`
}

func (s *server) submissions(ctx context.Context, in *ClusterRef) (*body[sdk.SubmissionList], error) {
	list, err := s.Bills.Submissions(ctx, s.Now(), actorOf(ctx), in.Ref)
	if err != nil {
		return nil, err
	}
	return answer(sdk.SubmissionList{Currency: string(list.Currency), Items: convert(list.Items, submissionToAPI)}), nil
}

func (s *server) reads(ctx context.Context, in *ClusterRef) (*body[sdk.ReadList], error) {
	list, err := s.Bills.Reads(ctx, s.Now(), actorOf(ctx), in.Ref)
	if err != nil {
		return nil, err
	}
	return answer(sdk.ReadList{Currency: string(list.Currency), Items: convert(list.Items, readToAPI)}), nil
}

func (s *server) receipt(ctx context.Context, in *receiptInput) (*body[sdk.Receipt], error) {
	r, err := s.Bills.Receipt(ctx, s.Now(), actorOf(ctx), in.Ref, in.Since.UTC(), in.Client)
	if err != nil {
		return nil, err
	}
	return answer(receiptToAPI(r)), nil
}

// originLevel says how the origin of a line is known.
func originLevel(created bool) string {
	if created {
		return sdk.OriginCreated
	}
	return sdk.OriginSubmitted
}

func submissionToAPI(s bill.SubmissionCost) sdk.Submission {
	who := s.Session
	return sdk.Submission{
		ID: s.ID, At: s.At.UTC(), Client: s.Client, File: s.File, Line: s.Line, Function: s.Function, Text: s.Text, Tasks: s.Tasks,
		Levels: filled(s.Levels), Span: convert(s.Span, func(name string) string { return name }), Tags: filled(s.Tags),
		User: who.User, Host: who.Host, Kind: who.Kind, Path: who.Path, Commit: who.Commit, Dirty: who.Dirty,
		CostNanos: int64(s.Cost), ThreadSeconds: seconds(s.ThreadMicros),
	}
}

func readToAPI(r bill.ReadCost) sdk.Read {
	return sdk.Read{
		Direction: r.Direction, Path: r.Path, Format: r.Format, Engine: r.Engine, Compression: r.Compression, Files: r.Files, Tasks: r.Tasks, Bytes: r.Bytes,
		Columns: r.Columns, ColumnsUsed: r.ColumnsUsed, PushedDown: r.PushedDown, OriginFile: r.Line.File, OriginLine: r.Line.Line, OriginText: r.Text,
		CostNanos: int64(r.Cost), ThreadSeconds: seconds(r.ThreadMicros),
	}
}

func receiptToAPI(r bill.Receipt) sdk.Receipt {
	out := sdk.Receipt{
		Currency: string(r.Card.Currency), Start: r.Start.UTC(), End: r.End.UTC(), CostNanos: int64(r.Cost), WorkNanos: int64(r.Work),
		IdleShare: r.IdleShare, Complete: r.Complete,
	}
	if top := r.Top; top != nil {
		out.Top = &sdk.ReceiptLine{
			File: top.File, Line: top.Line.Line, Text: top.Text, Operation: top.Operation, CostNanos: int64(top.Cost), Share: top.Share,
		}
	}
	return out
}

// filled makes a nil map an empty one, so that it is {} on the wire.
func filled[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}
