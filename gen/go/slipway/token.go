package slipway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"connectrpc.com/connect"
)

// TokenSource gives the token for calls. It is asked once at first, with rejected empty. When the server does not take
// that token any more it is asked again with it, once for all calls that were refused; what it gives then is used from
// there on. An answer that equals rejected says that there is no other.
type TokenSource func(ctx context.Context, rejected string) (token string, err error)

// tokens keeps the token of a Conn. One at a time asks the source; those who need its answer wait.
type tokens struct {
	source  TokenSource
	timeout time.Duration
	turn    chan struct{}
	known   bool
	token   string
}

func tokensOf(options Options, timeout time.Duration) *tokens {
	return &tokens{
		source:  options.TokenSource,
		timeout: timeout,
		turn:    make(chan struct{}, 1),
		known:   options.TokenSource == nil,
		token:   strings.TrimSpace(options.Token),
	}
}

// get answers the token that calls carry now; empty for none.
func (t *tokens) get(ctx context.Context) (string, error) {
	if t.source == nil {
		return t.token, nil
	}
	return t.inTurn(ctx, func() error {
		if t.known {
			return nil
		}
		return t.ask(ctx, "")
	})
}

// renew answers another token than the one that was rejected, or the same when there is none.
func (t *tokens) renew(ctx context.Context, rejected string) (string, error) {
	if t.source == nil {
		return rejected, nil
	}
	return t.inTurn(ctx, func() error {
		// Another call was faster.
		if t.token != rejected {
			return nil
		}
		return t.ask(ctx, rejected)
	})
}

func (t *tokens) inTurn(ctx context.Context, work func() error) (string, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", tokenError(ctx.Err())
	}
	if err := work(); err != nil {
		return "", tokenError(err)
	}
	return t.token, nil
}

func (t *tokens) ask(ctx context.Context, rejected string) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	token, err := t.source(ctx, rejected)
	if err != nil {
		return err
	}
	t.token, t.known = strings.TrimSpace(token), true
	return nil
}

// tokenError keeps the code of errors that have one, so that a source which is away is away for the call as well.
func tokenError(err error) error {
	var known *connect.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return connect.NewError(connect.CodeCanceled, err)
	case errors.Is(err, context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, err)
	default:
		return connect.NewError(connect.CodeUnauthenticated, fmt.Errorf("the token source failed: %w", err))
	}
}
