package sdk

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// IngestAnswer says what became of posted batches.
type IngestAnswer struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
	// Rejected batches will never be taken; the rest stand.
	Rejected []IngestRejection `json:"rejected"`
	// Knobs say how the server wants to be told.
	Knobs IngestKnobs `json:"knobs"`
}

// IngestKnobs are the server's wishes.
type IngestKnobs struct {
	// SourceText is true where the text of user code may be sent.
	SourceText bool `json:"source_text"`
}

// IngestRejection is a batch that the server does not take.
type IngestRejection struct {
	// Index is its place among the batches of the post.
	Index   int    `json:"index"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// PostBatches sends telemetry of one cluster: batches in MessagePack as docs/telemetry.md describes them, at most 1,000 and 8 MiB at once. None is a
// heartbeat. The token is WatchAnswer's, agent says what the sender is. Batches that were sent before are known to the server, so that a post whose
// answer was lost can be repeated.
func (c *Client) PostBatches(ctx context.Context, agentToken, agent string, batches [][]byte) (IngestAnswer, error) {
	u, err := c.base.Parse(c.base.EscapedPath() + "/ingest/v1/batches")
	if err != nil {
		return IngestAnswer{}, fmt.Errorf("address of the telemetry: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(envelope(agent, batches)))
	if err != nil {
		return IngestAnswer{}, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/msgpack")
	request.Header.Set("User-Agent", c.userAgent)
	request.Header.Set("Authorization", "Bearer "+agentToken)
	response, err := c.http.Do(request)
	if err != nil {
		return IngestAnswer{}, c.unreachable(ctx, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return IngestAnswer{}, c.unreachable(ctx, err)
	}
	if response.StatusCode != http.StatusOK {
		return IngestAnswer{}, apiError(response, data)
	}
	var out IngestAnswer
	if err := json.Unmarshal(data, &out); err != nil {
		return IngestAnswer{}, fmt.Errorf("%s does not answer like a Lineitem server: %w", c.base, err)
	}
	return out, nil
}

// Codes of MessagePack, of which a post needs these few.
const (
	packMap3 = 0x83
	packStr5 = 0xa5
	packStr1 = 0xa1
	packStr7 = 0xa7
	packOne  = 0x01
	packStr8 = 0xd9
	packArr  = 0xdd
	packBin  = 0xc6
)

// envelope is {"v": 1, "agent": agent, "batches": [bin, …]}.
func envelope(agent string, batches [][]byte) []byte {
	if len(agent) > 100 {
		agent = agent[:100]
	}
	out := append([]byte{packMap3, packStr1, 'v', packOne, packStr5}, "agent"...)
	out = append(out, packStr8, byte(len(agent)))
	out = append(out, agent...)
	out = append(append(out, packStr7), "batches"...)
	out = binary.BigEndian.AppendUint32(append(out, packArr), uint32(len(batches)))
	for _, b := range batches {
		out = binary.BigEndian.AppendUint32(append(out, packBin), uint32(len(b)))
		out = append(out, b...)
	}
	return out
}
