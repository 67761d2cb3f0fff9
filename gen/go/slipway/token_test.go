package slipway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	deployv1 "slipway.dev/go/deploy/v1"
	"slipway.dev/go/deploy/v1/deployv1connect"
	iamv1 "slipway.dev/go/iam/v1"
	"slipway.dev/go/iam/v1/iamv1connect"
)

// guarded takes one token, and tells the others UNAUTHENTICATED.
func guarded(token string, calls *atomic.Int32) *taskServer {
	check := func(header http.Header) error {
		calls.Add(1)
		if header.Get("Authorization") != "Bearer "+token {
			return connect.NewError(connect.CodeUnauthenticated, errors.New("the token does not hold"))
		}
		return nil
	}
	return &taskServer{
		cancel: func(_ context.Context, header http.Header) (*deployv1.TaskServiceCancelResponse, error) {
			return &deployv1.TaskServiceCancelResponse{}, check(header)
		},
		watch: func(
			_ context.Context, _ string, header http.Header, stream *connect.ServerStream[deployv1.TaskServiceWatchResponse],
		) error {
			if err := check(header); err != nil {
				return err
			}
			return stream.Send(&deployv1.TaskServiceWatchResponse{ResumeToken: header.Get("X-Request-Id")})
		},
	}
}

func cancelTask(ctx context.Context, tasks deployv1connect.TaskServiceClient) error {
	_, err := tasks.Cancel(ctx, &deployv1.TaskServiceCancelRequest{})
	return err
}

func TestATokenIsRenewedOnceForAllCalls(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		var calls, asked atomic.Int32
		url, _ := serveTasks(t, guarded("new", &calls))
		tasks := tasksAt(t, Options{URL: url, Protocol: protocol, TokenSource: func(_ context.Context, rejected string) (string, error) {
			asked.Add(1)
			return map[string]string{"": "old\n", "old": "new\n"}[rejected], nil
		}})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := cancelTask(t.Context(), tasks); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if asked.Load() != 2 {
			t.Errorf("the source was asked %d times, want 2", asked.Load())
		}
	})
}

func TestAStreamBeginsWithTheRenewedToken(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		var calls atomic.Int32
		url, _ := serveTasks(t, guarded("new", &calls))
		tasks := tasksAt(t, Options{URL: url, Protocol: protocol, TokenSource: func(_ context.Context, rejected string) (string, error) {
			return map[string]string{"": "old", "old": "new"}[rejected], nil
		}})
		ctx, info := connect.NewClientContext(t.Context())
		info.RequestHeader().Set("X-Request-Id", "mine")
		stream, err := tasks.Watch(ctx, &deployv1.TaskServiceWatchRequest{})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		if !stream.Receive() || stream.Msg().GetResumeToken() != "mine" || stream.Receive() || stream.Err() != nil {
			t.Errorf("%v, %v", stream.Msg(), stream.Err())
		}
		if calls.Load() != 2 {
			t.Errorf("%d calls, want 2", calls.Load())
		}
	})
}

func TestATokenWithoutAnotherIsRefused(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		var calls atomic.Int32
		url, _ := serveTasks(t, guarded("new", &calls))
		same := func(context.Context, string) (string, error) { return "old", nil }
		for _, options := range []Options{{}, {Token: "old"}, {TokenSource: same}} {
			calls.Store(0)
			options.URL, options.Protocol = url, protocol
			wantCode(t, cancelTask(t.Context(), tasksAt(t, options)), connect.CodeUnauthenticated)
			if calls.Load() != 1 {
				t.Errorf("%d calls, want 1", calls.Load())
			}
		}
	})
}

func TestASourceThatFails(t *testing.T) {
	var calls atomic.Int32
	url, _ := serveTasks(t, guarded("new", &calls))
	failing := func(cause error) deployv1connect.TaskServiceClient {
		return tasksAt(t, Options{URL: url, TokenSource: func(context.Context, string) (string, error) { return "", cause }})
	}
	err := cancelTask(t.Context(), failing(errors.New("no such file")))
	wantCode(t, err, connect.CodeUnauthenticated)
	if !strings.Contains(err.Error(), "no such file") {
		t.Errorf("the cause is missing: %v", err)
	}
	wantCode(t, cancelTask(t.Context(), failing(unavailable())), connect.CodeUnavailable)
	stream, err := failing(unavailable()).Watch(t.Context(), &deployv1.TaskServiceWatchRequest{})
	if err == nil {
		stream.Receive()
		err = stream.Err()
	}
	wantCode(t, err, connect.CodeUnavailable)
	if calls.Load() != 0 {
		t.Errorf("%d calls without a token", calls.Load())
	}
}

// A source may use the Conn that it is the source of.
type signIn struct {
	iamv1connect.UnimplementedAuthServiceHandler
}

func (signIn) ExchangeToken(ctx context.Context, _ *iamv1.AuthServiceExchangeTokenRequest) (*iamv1.AuthServiceExchangeTokenResponse, error) {
	if headerOf(ctx).Get("Authorization") != "" {
		return nil, connect.NewError(connect.CodeInternal, errors.New("a token was sent"))
	}
	return &iamv1.AuthServiceExchangeTokenResponse{AccessToken: "new"}, nil
}

func TestASourceMaySignInOverTheSameConn(t *testing.T) {
	var calls atomic.Int32
	mux := http.NewServeMux()
	mux.Handle(deployv1connect.NewTaskServiceHandler(guarded("new", &calls)))
	mux.Handle(iamv1connect.NewAuthServiceHandler(signIn{}))
	url, _ := serve(t, mux)
	var conn *Conn
	conn, err := Open(Options{URL: url, TokenSource: func(ctx context.Context, _ string) (string, error) {
		answer, err := Client(conn, iamv1connect.NewAuthServiceClient).ExchangeToken(ctx, &iamv1.AuthServiceExchangeTokenRequest{})
		return answer.GetAccessToken(), err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := cancelTask(t.Context(), Client(conn, deployv1connect.NewTaskServiceClient)); err != nil {
		t.Error(err)
	}
}

func TestATokenIsSentToItsServerAlone(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		var calls atomic.Int32
		elsewhere, _ := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
		redirecting, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
		}))
		options := Options{URL: redirecting, Protocol: protocol, Token: "secret"}
		err := cancelTask(t.Context(), tasksAt(t, options))
		wantCode(t, err, connect.CodeFailedPrecondition)
		if !strings.Contains(err.Error(), elsewhere) {
			t.Errorf("the error does not say where to: %v", err)
		}
		conn, err := Open(options)
		if err != nil {
			t.Fatal(err)
		}
		other := deployv1connect.NewTaskServiceClient(conn.HTTP(), elsewhere, conn.Options()...)
		wantCode(t, cancelTask(t.Context(), other), connect.CodeFailedPrecondition)
		if calls.Load() != 0 {
			t.Errorf("%d calls went elsewhere", calls.Load())
		}
	})
}

func TestACallMayHaveATokenOfItsOwn(t *testing.T) {
	var calls atomic.Int32
	url, _ := serveTasks(t, guarded("own", &calls))
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", "Bearer own")
	if err := cancelTask(ctx, tasksAt(t, Options{URL: url, Token: "other"})); err != nil {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	var calls atomic.Int32
	mux := http.NewServeMux()
	mux.Handle(deployv1connect.NewTaskServiceHandler(guarded("secret", &calls)))
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = discard
	server.StartTLS()
	t.Cleanup(server.Close)
	trusting := server.Client().Transport.(*http.Transport).TLSClientConfig
	overEach(t, func(t *testing.T, protocol Protocol) {
		options := Options{URL: server.URL, Protocol: protocol, Token: "secret"}
		_, err := tasksAt(t, options).Get(t.Context(), &deployv1.TaskServiceGetRequest{})
		wantCode(t, err, connect.CodeUnavailable)
		if mayMend(err) {
			t.Errorf("a certificate that is not trusted is tried again: %v", err)
		}
		options.TLS = trusting.Clone()
		if err := cancelTask(t.Context(), tasksAt(t, options)); err != nil {
			t.Error(err)
		}
	})
}

func TestARetryMayRenewTheToken(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		var sent []string
		url, _ := serveTasks(t, &taskServer{get: func(_ context.Context, header http.Header) (*deployv1.TaskServiceGetResponse, error) {
			sent = append(sent, header.Get("Authorization"))
			switch len(sent) {
			case 1:
				return nil, unavailable()
			case 2:
				return nil, connect.NewError(connect.CodeUnauthenticated, errors.New("the token has ended"))
			default:
				return &deployv1.TaskServiceGetResponse{}, nil
			}
		}})
		tasks := tasksAt(t, Options{URL: url, Protocol: protocol, TokenSource: func(_ context.Context, rejected string) (string, error) {
			return map[string]string{"": "old", "old": "new"}[rejected], nil
		}})
		if _, err := tasks.Get(t.Context(), &deployv1.TaskServiceGetRequest{}); err != nil {
			t.Error(err)
		}
		if want := []string{"Bearer old", "Bearer old", "Bearer new"}; !slices.Equal(sent, want) {
			t.Errorf("sent %q, want %q", sent, want)
		}
	})
}
