package slipway

import (
	"context"
	"regexp"
	"strings"
	"time"

	"connectrpc.com/connect"
)

// The first call and three more.
const mostAttempts = 4

var readNames = regexp.MustCompile(`^(Get|List|Check|Has|WhoAmI|ClusterInfo)|(List|Get)$`)

// isRead tells by the name of a method that it only reads, so that calling it twice does no harm.
func isRead(procedure string) bool {
	return readNames.MatchString(procedure[strings.LastIndexByte(procedure, '/')+1:])
}

// retry gives unary calls a deadline, and makes reads again that failed for a while; writes never, for nobody knows
// whether they were done.
type retry struct {
	timeout time.Duration
	backoff backoff
}

func (r *retry) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		if _, ok := ctx.Deadline(); !ok {
			limited, cancel := context.WithTimeout(ctx, r.timeout)
			defer cancel()
			ctx = limited
		}
		if !isRead(request.Spec().Procedure) {
			return next(ctx, request)
		}
		for failures := 1; ; failures++ {
			response, err := next(ctx, request)
			if err == nil || failures == mostAttempts || !mayMend(err) || !pause(ctx, r.backoff.after(err, failures)) {
				return response, err
			}
		}
	}
}

func (r *retry) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (r *retry) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}
