package api

import (
	"context"
	"sync"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/sdk"
)

const (
	// pricesAge is how old what is said about prices may be: it is read from all processes of a window, and changes slowly.
	pricesAge = time.Minute
	// maxPriceWindows bounds how many windows are remembered.
	maxPriceWindows = 1000
)

// priceCache remembers by which prices windows were charged, for each who asked.
type priceCache struct {
	mu      sync.Mutex
	windows map[priceWindow]pricesThen
}

type priceWindow struct {
	user         identity.UserID
	since, until int64
}

type pricesThen struct {
	at     time.Time
	prices []sdk.PriceCovers
}

func (c *priceCache) find(key priceWindow, now time.Time) ([]sdk.PriceCovers, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	then, ok := c.windows[key]
	return then.prices, ok && now.Sub(then.at) < pricesAge
}

func (c *priceCache) keep(key priceWindow, now time.Time, prices []sdk.PriceCovers) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.windows == nil || len(c.windows) >= maxPriceWindows {
		c.windows = map[priceWindow]pricesThen{}
	}
	c.windows[key] = pricesThen{now, prices}
}

// pricesOf says by which prices machines were charged in a window, as far as the actor may see.
func (s *server) pricesOf(ctx context.Context, now, since, until time.Time) ([]sdk.PriceCovers, error) {
	actor := actorOf(ctx)
	key := priceWindow{actor.User.ID, since.Unix(), until.Unix()}
	if prices, ok := s.charged.find(key, now); ok {
		return prices, nil
	}
	if !since.Before(now) {
		return []sdk.PriceCovers{}, nil
	}
	coverage, err := s.Prices.Coverage(ctx, now, actor, since, until)
	if err != nil {
		return nil, err
	}
	prices := convert(coverage.Items, priceCoversToAPI)
	s.charged.keep(key, now, prices)
	return prices, nil
}
