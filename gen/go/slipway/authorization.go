package slipway

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"connectrpc.com/connect"
)

// authorization sends the token of a Conn with calls to its host, and renews it once when the server refuses it.
type authorization struct {
	host   string
	tokens *tokens
}

func (a *authorization) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		if !mayCarry(request.Spec(), request.Header()) {
			return next(ctx, request)
		}
		token, err := a.authorize(ctx, request.Peer(), request.Header())
		if err != nil {
			return nil, err
		}
		// The same request may come again.
		defer request.Header().Del("Authorization")
		response, err := next(ctx, request)
		renewed, err := a.renewedAfter(ctx, err, token)
		if renewed == "" {
			return response, err
		}
		// Nothing was done: the call may be made again, whatever it does.
		setToken(request.Header(), renewed)
		return next(ctx, request)
	}
}

func (a *authorization) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		if !mayCarry(spec, conn.RequestHeader()) {
			return conn
		}
		token, err := a.authorize(ctx, conn.Peer(), conn.RequestHeader())
		return &authorizedStream{
			StreamingClientConn: conn,
			open:                func() connect.StreamingClientConn { return next(ctx, spec) },
			renewedAfter: func(err error) (string, error) {
				return a.renewedAfter(ctx, err, token)
			},
			err: err,
		}
	}
}

func (a *authorization) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// Methods that take another proof than a token: a token source that called them would wait for itself.
var tokenless = []string{
	"/iam.v1.AuthService/GetAuthInfo",
	"/iam.v1.AuthService/StartLogin",
	"/iam.v1.AuthService/ExchangeToken",
	"/iam.v1.AuthService/SetPassword",
}

// mayCarry tells whether a call gets the token: not where it has one of its own, nor where it needs none.
func mayCarry(spec connect.Spec, header http.Header) bool {
	return header.Get("Authorization") == "" && !slices.Contains(tokenless, spec.Procedure)
}

func (a *authorization) authorize(ctx context.Context, peer connect.Peer, header http.Header) (string, error) {
	if peer.Addr != a.host {
		return "", connect.NewError(connect.CodeFailedPrecondition, fmt.Errorf(
			"the options of a Conn to %s are used for %s: open another Conn", a.host, peer.Addr,
		))
	}
	token, err := a.tokens.get(ctx)
	if err == nil {
		setToken(header, token)
	}
	return token, err
}

// renewedAfter answers the token with which to go on after an error, or none and the error that remains.
func (a *authorization) renewedAfter(ctx context.Context, err error, token string) (string, error) {
	if err == nil || connect.CodeOf(err) != connect.CodeUnauthenticated {
		return "", err
	}
	renewed, cause := a.tokens.renew(ctx, token)
	if cause != nil {
		return "", fmt.Errorf("%w; no other token: %w", cause, err)
	}
	if renewed == token {
		return "", err
	}
	return renewed, err
}

func setToken(header http.Header, token string) {
	if token == "" {
		header.Del("Authorization")
	} else {
		header.Set("Authorization", "Bearer "+token)
	}
}
