package slipway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	apiv1 "slipway.dev/go/api/v1"
	"slipway.dev/go/api/v1/apiv1connect"
	deployv1 "slipway.dev/go/deploy/v1"
	"slipway.dev/go/deploy/v1/deployv1connect"
)

type taskStream = connect.ServerStream[deployv1.TaskServiceWatchResponse]

// scripted plays one function for each stream that is opened, and keeps the tokens that these came with.
type scripted struct {
	tokens  []string
	streams []func(context.Context, *taskStream) error
}

func (s *scripted) serve(t *testing.T) (string, *cuttable) {
	return serveTasks(t, &taskServer{watch: func(ctx context.Context, token string, _ http.Header, stream *taskStream) error {
		s.tokens = append(s.tokens, token)
		if len(s.streams) == 0 {
			return connect.NewError(connect.CodeInternal, errors.New("one stream too many"))
		}
		play := s.streams[0]
		s.streams = s.streams[1:]
		return play(ctx, stream)
	}})
}

// tell sends answers with these tokens, and ends with an error.
func tell(err error, tokens ...string) func(context.Context, *taskStream) error {
	return func(_ context.Context, stream *taskStream) error {
		for _, token := range tokens {
			if err := stream.Send(&deployv1.TaskServiceWatchResponse{ResumeToken: token}); err != nil {
				return err
			}
		}
		return err
	}
}

func opened(tasks deployv1connect.TaskServiceClient) func(
	context.Context, string,
) (*connect.ServerStreamForClient[deployv1.TaskServiceWatchResponse], error) {
	return func(ctx context.Context, token string) (*connect.ServerStreamForClient[deployv1.TaskServiceWatchResponse], error) {
		return tasks.Watch(ctx, &deployv1.TaskServiceWatchRequest{ResumeToken: token})
	}
}

// watchAll reads a watch to its end.
func watchAll(ctx context.Context, tasks deployv1connect.TaskServiceClient, options ...WatchOption) (told []string, err error) {
	for answer, failure := range Watch(ctx, opened(tasks), options...) {
		if failure != nil {
			err = failure
		} else {
			told = append(told, answer.GetResumeToken())
		}
	}
	return told, err
}

func wantEqual(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestWatchGoesOnWhereItWas(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		var connections *cuttable
		var waited []connect.Code
		script := scripted{streams: []func(context.Context, *taskStream) error{
			tell(unavailable()),
			tell(unavailable(), "a", "b"),
			func(ctx context.Context, stream *taskStream) error {
				if err := tell(nil, "c", "")(ctx, stream); err != nil {
					return err
				}
				connections.cut()
				<-ctx.Done()
				return ctx.Err()
			},
			tell(connect.NewError(connect.CodeDeadlineExceeded, nil)),
			tell(nil, "d"),
		}}
		var url string
		url, connections = script.serve(t)
		told, err := watchAll(t.Context(), tasksAt(t, Options{URL: url, Protocol: protocol}), ResumeFrom("start"),
			OnWait(func(err error, _ time.Duration) { waited = append(waited, connect.CodeOf(err)) }))
		if err != nil {
			t.Error(err)
		}
		// What was on its way when the connection was cut may come or not.
		told = slices.DeleteFunc(told, func(token string) bool { return token == "" || token == "c" })
		wantEqual(t, "answers", told, []string{"a", "b", "d"})
		wantEqual(t, "first tokens", script.tokens[:3], []string{"start", "start", "b"})
		if last := script.tokens[4]; len(script.tokens) != 5 || (last != "c" && last != "b") {
			t.Errorf("tokens: %q", script.tokens)
		}
		if len(waited) != 4 || waited[2] != connect.CodeUnavailable {
			t.Errorf("it waited for %v", waited)
		}
	})
}

func TestWatchBeginsAnewWithoutItsToken(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		refused := connect.NewError(connect.CodeInvalidArgument, errors.New("resume_token: is not one that an answer had"))
		detail, err := connect.NewErrorDetail(&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "resume_token", Description: "is not one that an answer had"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		refused.AddDetail(detail)
		script := scripted{streams: []func(context.Context, *taskStream) error{tell(refused), tell(nil, "a")}}
		url, _ := script.serve(t)
		var restarts int
		tasks := tasksAt(t, Options{URL: url, Protocol: protocol})
		told, err := watchAll(t.Context(), tasks, ResumeFrom("stale"), OnRestart(func(error) { restarts++ }))
		if err != nil || restarts != 1 {
			t.Errorf("%d restarts, %v", restarts, err)
		}
		wantEqual(t, "answers", told, []string{"a"})
		wantEqual(t, "tokens", script.tokens, []string{"stale", ""})
		// Without a token in the request it cannot help to leave it out.
		script = scripted{streams: []func(context.Context, *taskStream) error{tell(refused)}}
		_, err = watchAll(t.Context(), tasks)
		wantCode(t, err, connect.CodeInvalidArgument)
	})
}

func TestWatchEndsWhereTryingAgainDoesNotHelp(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		for _, code := range []connect.Code{
			connect.CodeNotFound, connect.CodePermissionDenied, connect.CodeInvalidArgument, connect.CodeInternal,
			connect.CodeFailedPrecondition, connect.CodeResourceExhausted, connect.CodeUnimplemented, connect.CodeUnauthenticated,
		} {
			script := scripted{streams: []func(context.Context, *taskStream) error{tell(connect.NewError(code, nil))}}
			url, _ := script.serve(t)
			_, err := watchAll(t.Context(), tasksAt(t, Options{URL: url, Protocol: protocol}))
			wantCode(t, err, code)
			if len(script.tokens) != 1 {
				t.Errorf("%v: %d streams, want 1", code, len(script.tokens))
			}
		}
	})
}

func TestWatchComesBackWithARenewedToken(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		ended := connect.NewError(connect.CodeUnauthenticated, errors.New("the token has ended"))
		valid := "first"
		url, _ := serveTasks(t, &taskServer{watch: func(ctx context.Context, from string, header http.Header, stream *taskStream) error {
			if header.Get("Authorization") != "Bearer "+valid {
				return ended
			}
			if valid == "second" {
				return tell(nil, from+"b")(ctx, stream)
			}
			valid = "second"
			return tell(ended, "a")(ctx, stream)
		}})
		tasks := tasksAt(t, Options{URL: url, Protocol: protocol, TokenSource: func(_ context.Context, rejected string) (string, error) {
			return map[string]string{"": "first", "first": "second"}[rejected], nil
		}})
		told, err := watchAll(t.Context(), tasks)
		if err != nil {
			t.Error(err)
		}
		wantEqual(t, "answers", told, []string{"a", "ab"})
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		untilLeft := func(ctx context.Context, stream *taskStream) error {
			if err := tell(nil, "a")(ctx, stream); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}
		script := scripted{streams: []func(context.Context, *taskStream) error{untilLeft}}
		url, connections := script.serve(t)
		tasks := tasksAt(t, Options{URL: url, Protocol: protocol})
		ctx, cancel := context.WithCancel(t.Context())
		var ends []error
		for _, err := range Watch(ctx, opened(tasks)) {
			cancel()
			if err != nil {
				ends = append(ends, err)
			}
		}
		if len(ends) != 1 || !errors.Is(ends[0], context.Canceled) {
			t.Errorf("it ended with %v", ends)
		}
		// While the server is away it ends, too.
		connections.Listener.Close()
		connections.cut()
		waiting, cancel := context.WithCancel(t.Context())
		_, err := watchAll(waiting, tasks, OnWait(func(error, time.Duration) { cancel() }))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestWatchLetsGoOfAStreamThatNobodyReads(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		left := make(chan struct{})
		script := scripted{streams: []func(context.Context, *taskStream) error{func(ctx context.Context, stream *taskStream) error {
			defer close(left)
			if err := tell(nil, "a", "b")(ctx, stream); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}}}
		url, _ := script.serve(t)
		for answer, err := range Watch(t.Context(), opened(tasksAt(t, Options{URL: url, Protocol: protocol}))) {
			if err != nil || answer.GetResumeToken() != "a" {
				t.Fatal(answer, err)
			}
			break
		}
		select {
		case <-left:
		case <-time.After(30 * time.Second):
			t.Error("the server still sends")
		}
	})
}

type statuses struct {
	apiv1connect.UnimplementedClusterServiceHandler
	opened atomic.Int32
}

func (s *statuses) WatchStatus(
	_ context.Context,
	_ *apiv1.ClusterServiceWatchStatusRequest,
	stream *connect.ServerStream[apiv1.ClusterServiceWatchStatusResponse],
) error {
	opened := s.opened.Add(1)
	progress := &apiv1.ClusterStatus{Progress: uint32(opened * 50)}
	if err := stream.Send(&apiv1.ClusterServiceWatchStatusResponse{Status: progress}); err != nil || opened == 2 {
		return err
	}
	return unavailable()
}

func TestWatchWithoutResumeTokens(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle(apiv1connect.NewClusterServiceHandler(new(statuses)))
	url, _ := serve(t, mux)
	conn, err := Open(Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	clusters := Client(conn, apiv1connect.NewClusterServiceClient)
	var progress []uint32
	for answer, err := range Watch(t.Context(), func(ctx context.Context, _ string) (
		*connect.ServerStreamForClient[apiv1.ClusterServiceWatchStatusResponse], error,
	) {
		return clusters.WatchStatus(ctx, &apiv1.ClusterServiceWatchStatusRequest{})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		progress = append(progress, answer.GetStatus().GetProgress())
	}
	if !slices.Equal(progress, []uint32{50, 100}) {
		t.Errorf("progress %v", progress)
	}
}
