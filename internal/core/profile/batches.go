package profile

import (
	"sync/atomic"

	"github.com/lineitem/lineitem/internal/core/usage"
)

// Batches applies rules to the stacks of decoded batches.
type Batches struct {
	rules *Rules
	last  atomic.Pointer[batchSites]
}

// batchSites are the frames of one batch, looked up: its stacks share them, and are asked for one after the other.
type batchSites struct {
	batch *usage.Batch
	sites []*Site
}

// NewBatches returns what applies the rules to batches.
func NewBatches(rules *Rules) *Batches { return &Batches{rules: rules} }

// Version is that of the rules.
func (c *Batches) Version() int { return c.rules.Version() }

// Classify names what a stack of the batch was doing in a task of the prefix, and the top-level module that did it. The stack is -1 for time
// without a sample.
func (c *Batches) Classify(b *usage.Batch, stack int, prefix string) (operation, library string) {
	var room [64]*Site
	frames := room[:0]
	if stack >= 0 {
		sites := c.Sites(b)
		for _, i := range b.Stacks[stack] {
			frames = append(frames, sites[i])
		}
	}
	class := c.rules.ClassifySites(frames, prefix)
	return class.Operation, class.Library
}

// Sites looks up all frames of a batch, in its order.
func (c *Batches) Sites(b *usage.Batch) []*Site {
	if last := c.last.Load(); last != nil && last.batch == b {
		return last.sites
	}
	sites := make([]*Site, len(b.Frames))
	for i, f := range b.Frames {
		file := b.Files[f.File]
		sites[i] = c.rules.Site(Frame{File: file.Path, Class: file.Class, Function: b.Strings[f.Function]})
	}
	c.last.Store(&batchSites{batch: b, sites: sites})
	return sites
}
