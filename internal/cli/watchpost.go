package cli

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/watch"
	"github.com/lineitem/lineitem/sdk"
)

const (
	// outboxBytes is how much is kept while the server is away: hours of a small cluster.
	outboxBytes = 16 << 20
	// postBatches and postBytes bound one post, below what the server takes.
	postBatches, postBytes = 500, 4 << 20
	postTimeout            = 30 * time.Second
	slowestRetry           = 30 * time.Second
)

// poster sends batches, and keeps them while the server cannot be reached.
type poster struct {
	client *sdk.Client
	token  string
	agent  string
	// pause is how long is waited after a first failure.
	pause time.Duration

	mu       sync.Mutex
	outbox   *watch.Outbox
	rejected string // the last rejection's sentence
	// sourceText is whether the server wants the text of user code, by its last answer.
	sourceText bool
	wake       chan struct{}
}

func newPoster(client *sdk.Client, token, agent string) *poster {
	return &poster{client: client, token: token, agent: agent, pause: time.Second, outbox: watch.NewOutbox(outboxBytes), wake: make(chan struct{}, 1)}
}

// add keeps batches to be sent.
func (p *poster) add(batches ...[]byte) {
	p.mu.Lock()
	p.outbox.Add(batches...)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// state tells how many batches wait, how many were lost, and why the server did not take the last one that it will never take.
func (p *poster) state() (waiting, dropped int, rejected string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.outbox.Len(), p.outbox.Dropped(), p.rejected
}

// wantsSource tells whether the server wants the text of user code.
func (p *poster) wantsSource() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sourceText
}

// run sends until the context ends; it returns early only if the server will never take anything again.
func (p *poster) run(ctx context.Context) error {
	pause := p.pause
	for {
		err := p.drain(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // what was cut off is sent at the farewell
		}
		switch {
		case err != nil && forever(err):
			return err
		case err != nil:
			pause = min(2*pause, slowestRetry)
		default:
			pause = p.pause
		}
		if err == nil {
			select {
			case <-ctx.Done():
				return nil
			case <-p.wake:
			}
			continue
		}
		timer := time.NewTimer(jitter(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// forever reports whether asking again is of no use.
func forever(err error) bool {
	var refused *sdk.APIError
	return errors.As(err, &refused) && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden)
}

// drain sends all that waits.
func (p *poster) drain(ctx context.Context) error {
	most := postBatches
	for {
		p.mu.Lock()
		batches := p.outbox.Next(most, postBytes)
		p.mu.Unlock()
		if len(batches) == 0 {
			return nil
		}
		answer, err := p.send(ctx, batches)
		var refused *sdk.APIError
		if errors.As(err, &refused) && refused.Status == http.StatusRequestEntityTooLarge && len(batches) > 1 {
			most = len(batches) / 2
			continue
		}
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.outbox.Remove(batches)
		p.sourceText = answer.Knobs.SourceText
		for _, r := range answer.Rejected {
			p.rejected = r.Message
		}
		p.mu.Unlock()
	}
}

func (p *poster) send(ctx context.Context, batches [][]byte) (sdk.IngestAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	return p.client.PostBatches(ctx, p.token, p.agent, batches)
}
