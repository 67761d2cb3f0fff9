package slipway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"connectrpc.com/connect"
)

// network makes UNAVAILABLE of whatever a lost connection looks like: INTERNAL, CANCELED and UNKNOWN otherwise.
type network struct{}

func (network) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		response, err := next(ctx, request)
		return response, explain(ctx, err)
	}
}

func (network) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		return &networkStream{StreamingClientConn: next(ctx, spec), ctx: ctx}
	}
}

func (network) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

type networkStream struct {
	connect.StreamingClientConn
	ctx context.Context
}

func (s *networkStream) Receive(message any) error {
	return explain(s.ctx, s.StreamingClientConn.Receive(message))
}

func explain(ctx context.Context, err error) error {
	var known *connect.Error
	if ctx.Err() != nil || connect.IsWireError(err) || !errors.As(err, &known) || !isLostConnection(known) {
		return err
	}
	return connect.NewError(connect.CodeUnavailable, fmt.Errorf("the connection was lost: %w", known.Unwrap()))
}

// isLostConnection judges an error that did not come from the server, of a call that nobody has canceled.
func isLostConnection(err *connect.Error) bool {
	switch err.Code() {
	case connect.CodeCanceled, connect.CodeInternal:
		return true
	case connect.CodeUnknown:
		// What has no cause in the network is an answer that no Slipway server gives.
		return errors.Unwrap(err.Unwrap()) != nil
	default:
		return false
	}
}

// mayMend tells whether a call that failed may go well later: the server is away, or says when to come back.
func mayMend(err error) bool {
	var known *connect.Error
	if !errors.As(err, &known) {
		return false
	}
	switch known.Code() {
	case connect.CodeUnavailable:
		var untrusted *tls.CertificateVerificationError
		return !errors.As(err, &untrusted)
	case connect.CodeResourceExhausted:
		_, ok := RetryAfter(err)
		return ok
	default:
		return false
	}
}
