package slipway

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff grows exponentially up to a most, with full jitter: any time between none and what it grew to.
type backoff struct {
	base, most time.Duration
}

// delay is that after so many failures in a row, at least one.
func (b backoff) delay(failures int) time.Duration {
	grown := b.base
	for range failures - 1 {
		grown = min(2*grown, b.most)
	}
	return rand.N(min(grown, b.most) + 1)
}

// after adds to it what the server asks for: not all who are told the same time come back at once.
func (b backoff) after(err error, failures int) time.Duration {
	asked, _ := RetryAfter(err)
	return asked + b.delay(failures)
}

// pause waits; it answers false, at once, when the context ends before that time has passed.
func pause(ctx context.Context, delay time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= delay {
		return false
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
