package segment

import "context"

// Freshen sees to it that what questions see is not too old, for those who read it by other ways than Answer.
func (k *Keeper) Freshen(ctx context.Context) error { return k.freshen(ctx) }
