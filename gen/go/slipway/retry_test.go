package slipway

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	deployv1 "slipway.dev/go/deploy/v1"
)

func TestReadsAreTriedFourTimes(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		var calls atomic.Int32
		url, _ := serveTasks(t, &taskServer{get: func(context.Context, http.Header) (*deployv1.TaskServiceGetResponse, error) {
			calls.Add(1)
			return nil, unavailable()
		}})
		_, err := tasksAt(t, Options{URL: url, Protocol: protocol}).Get(t.Context(), &deployv1.TaskServiceGetRequest{})
		wantCode(t, err, connect.CodeUnavailable)
		if calls.Load() != 4 {
			t.Errorf("%d calls, want 4", calls.Load())
		}
	})
}

func TestReadsGoWellAfterFailures(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		var calls atomic.Int32
		var connections *cuttable
		tasks := &taskServer{get: func(ctx context.Context, header http.Header) (*deployv1.TaskServiceGetResponse, error) {
			if got := header.Values("Authorization"); len(got) != 1 || got[0] != "Bearer secret" {
				t.Errorf("authorization is %q", got)
			}
			switch calls.Add(1) {
			case 1:
				return nil, unavailable()
			case 2:
				connections.cut()
				<-ctx.Done()
				return nil, ctx.Err()
			default:
				return &deployv1.TaskServiceGetResponse{Task: &deployv1.Task{Uuid: "one"}}, nil
			}
		}}
		var url string
		url, connections = serveTasks(t, tasks)
		client := tasksAt(t, Options{URL: url, Protocol: protocol, Token: "secret"})
		answer, err := client.Get(t.Context(), &deployv1.TaskServiceGetRequest{})
		if err != nil || answer.GetTask().GetUuid() != "one" || calls.Load() != 3 {
			t.Errorf("%v, %v after %d calls", answer, err, calls.Load())
		}
	})
}

func TestWritesAreNotTriedAgain(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		var calls atomic.Int32
		url, _ := serveTasks(t, &taskServer{cancel: func(context.Context, http.Header) (*deployv1.TaskServiceCancelResponse, error) {
			calls.Add(1)
			return nil, unavailable()
		}})
		_, err := tasksAt(t, Options{URL: url, Protocol: protocol}).Cancel(t.Context(), &deployv1.TaskServiceCancelRequest{})
		wantCode(t, err, connect.CodeUnavailable)
		if calls.Load() != 1 {
			t.Errorf("%d calls, want 1", calls.Load())
		}
	})
}

func TestIsRead(t *testing.T) {
	for name, want := range map[string]bool{
		"Get": true, "List": true, "GetCredentials": true, "CheckAdmitted": true, "WhoAmI": true, "InviteGet": true,
		"InvitesList": true, "TokenScopedList": true, "HasPaymentMethod": true, "ClusterInfo": true,
		"Create": false, "Update": false, "Delete": false, "CreateOrUpdate": false, "InviteDelete": false,
		"Operate": false, "RevealCredentials": false, "ExchangeToken": false, "Rollback": false,
	} {
		if isRead("/any.v1.Service/"+name) != want {
			t.Errorf("isRead(%s) is not %v", name, want)
		}
	}
}

// roundTrip answers requests without a network, so that tests can have a clock of their own.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func refusal(header http.Header, body string) *http.Response {
	header.Set("Content-Type", "application/json")
	return &http.Response{
		StatusCode: http.StatusServiceUnavailable,
		Header:     header,
		Body:       io.NopCloser(bytes.NewBufferString(body)),
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		client := tasksAt(t, Options{URL: "http://example", HTTPClient: &http.Client{
			Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				at = append(at, time.Since(began))
				return refusal(http.Header{"Retry-After": {"7"}}, `{"code": "unavailable"}`), nil
			}),
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 16*time.Second)
		defer cancel()
		_, err := client.Get(ctx, &deployv1.TaskServiceGetRequest{})
		wantCode(t, err, connect.CodeUnavailable)
		// A fourth time would come after the deadline: the error is told at once instead.
		if len(at) != 3 || at[1] < 7*time.Second || at[2] < 14*time.Second || time.Since(began) != at[2] {
			t.Errorf("calls came after %v, the error after %v", at, time.Since(began))
		}
	})
}

func TestUnaryCallsHaveADeadline(t *testing.T) {
	for _, options := range []Options{{}, {Timeout: 5 * time.Second}} {
		want := max(options.Timeout, 5*time.Second)
		if options.Timeout == 0 {
			want = 30 * time.Second
		}
		synctest.Test(t, func(t *testing.T) {
			options.URL = "http://example"
			options.HTTPClient = &http.Client{Transport: roundTrip(func(request *http.Request) (*http.Response, error) {
				<-request.Context().Done()
				return nil, request.Context().Err()
			})}
			began := time.Now()
			client := tasksAt(t, options)
			_, err := client.Get(t.Context(), &deployv1.TaskServiceGetRequest{})
			wantCode(t, err, connect.CodeDeadlineExceeded)
			if time.Since(began) != want {
				t.Errorf("ended after %v, want %v", time.Since(began), want)
			}
			own, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err = client.Cancel(own, &deployv1.TaskServiceCancelRequest{})
			wantCode(t, err, connect.CodeDeadlineExceeded)
			if time.Since(began) != want+time.Minute {
				t.Errorf("the deadline of the context was not kept: %v", time.Since(began)-want)
			}
		})
	}
}

func TestBackoffGrowsToItsMost(t *testing.T) {
	b := backoff{base: 250 * time.Millisecond, most: 5 * time.Second}
	for failures, most := range map[int]time.Duration{
		1: 250 * time.Millisecond, 2: 500 * time.Millisecond, 3: time.Second, 6: 5 * time.Second, 1000: 5 * time.Second,
	} {
		var longest time.Duration
		for range 2000 {
			longest = max(longest, b.delay(failures))
		}
		if longest > most || longest < most/2 {
			t.Errorf("after %d failures the longest delay is %v, want up to %v", failures, longest, most)
		}
	}
}
