package slipway

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"connectrpc.com/connect"
)

// A stream that was open for so long lived: what ends it later is not what ended earlier ones.
const lived = 10 * time.Second

// WatchOption changes how Watch goes about it.
type WatchOption func(*watchOptions)

type watchOptions struct {
	resumeToken string
	backoff     backoff
	onWait      func(err error, delay time.Duration)
	onRestart   func(err error)
}

// ResumeFrom begins after the answer that had this token.
func ResumeFrom(resumeToken string) WatchOption {
	return func(o *watchOptions) { o.resumeToken = resumeToken }
}

// OnWait hears why a stream ended, and after which time it is opened again.
func OnWait(hear func(err error, delay time.Duration)) WatchOption {
	return func(o *watchOptions) { o.onWait = hear }
}

// OnRestart hears that the server does not take the resume token any more, and that the present state comes next.
func OnRestart(hear func(err error)) WatchOption {
	return func(o *watchOptions) { o.onRestart = hear }
}

// Watch reads a stream for as long as the server has it, over lost connections and restarts of servers, for as long as
// the context lives: each time it calls open, which gives the token to the request where that takes one:
//
//	answers := slipway.Watch(ctx, func(ctx context.Context, resumeToken string) (
//		*connect.ServerStreamForClient[deployv1.TaskServiceWatchResponse], error,
//	) {
//		return tasks.Watch(ctx, &deployv1.TaskServiceWatchRequest{Project: project, ResumeToken: resumeToken})
//	})
//
// Answers with a resume_token go on where they ended, and some may come twice; others begin with the present state.
// The sequence ends without an error when the server ends the stream, and with one, which comes last, when the context
// ends or trying again does not help. The next answer is read when the last one is done with.
func Watch[Res any](
	ctx context.Context,
	open func(ctx context.Context, resumeToken string) (*connect.ServerStreamForClient[Res], error),
	options ...WatchOption,
) iter.Seq2[*Res, error] {
	settings := watchOptions{
		backoff:   standardBackoff,
		onWait:    func(error, time.Duration) {},
		onRestart: func(error) {},
	}
	for _, option := range options {
		option(&settings)
	}
	return func(yield func(*Res, error) bool) {
		w := &watch[Res]{watchOptions: settings, open: open, yield: yield}
		if err := w.run(ctx); err != nil {
			yield(nil, err)
		}
	}
}

type watch[Res any] struct {
	watchOptions
	open  func(context.Context, string) (*connect.ServerStreamForClient[Res], error)
	yield func(*Res, error) bool
	// Failures since a stream lived.
	failures int
	// When the first answer of the present stream came; zero before that.
	since time.Time
}

// errLeft says that nobody reads on.
var errLeft = errors.New("the reader left")

func (w *watch[Res]) run(ctx context.Context) error {
	for {
		err := w.follow(ctx)
		if err == nil || errors.Is(err, errLeft) {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !w.goesOn(err) {
			return err
		}
		if w.isLive() && time.Since(w.since) >= lived {
			w.failures = 0
		}
		w.failures++
		delay := w.backoff.after(err, w.failures)
		w.onWait(err, delay)
		if !pause(ctx, delay) {
			return cmp.Or(ctx.Err(), err)
		}
	}
}

// follow reads one stream to its end.
func (w *watch[Res]) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.since = time.Time{}
	stream, err := w.open(ctx, w.resumeToken)
	if err != nil {
		return err
	}
	defer stream.Close()
	for stream.Receive() {
		if !w.isLive() {
			w.since = time.Now()
		}
		if answer, ok := any(stream.Msg()).(interface{ GetResumeToken() string }); ok && answer.GetResumeToken() != "" {
			w.resumeToken = answer.GetResumeToken()
		}
		if !w.yield(stream.Msg(), nil) {
			return errLeft
		}
	}
	return stream.Err()
}

// goesOn tells whether the stream is opened again after an error.
func (w *watch[Res]) goesOn(err error) bool {
	if w.resumeToken != "" && refusesToken(err) {
		w.resumeToken = ""
		w.onRestart(err)
		return true
	}
	if mayMend(err) {
		return true
	}
	switch connect.CodeOf(err) {
	case connect.CodeDeadlineExceeded, connect.CodeCanceled:
		return true
	case connect.CodeUnauthenticated:
		// The token ended before the stream; the next one begins with another, or is refused.
		return w.isLive()
	default:
		return false
	}
}

func (w *watch[Res]) isLive() bool { return !w.since.IsZero() }

func refusesToken(err error) bool {
	return connect.CodeOf(err) == connect.CodeInvalidArgument &&
		slices.ContainsFunc(Violations(err), func(v Violation) bool { return v.Field == "resume_token" })
}
