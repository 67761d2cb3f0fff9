package slipway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	deployv1 "slipway.dev/go/deploy/v1"
)

func failure(t *testing.T, code connect.Code, details ...proto.Message) *connect.Error {
	t.Helper()
	err := connect.NewError(code, errors.New("it failed"))
	for _, each := range details {
		detail, problem := connect.NewErrorDetail(each)
		if problem != nil {
			t.Fatal(problem)
		}
		err.AddDetail(detail)
	}
	return err
}

// received is an error as a client gets it from a server.
func received(t *testing.T, protocol Protocol, err error) error {
	t.Helper()
	url, _ := serveTasks(t, &taskServer{cancel: func(context.Context, http.Header) (*deployv1.TaskServiceCancelResponse, error) {
		return nil, err
	}})
	return cancelTask(t.Context(), tasksAt(t, Options{URL: url, Protocol: protocol}))
}

func TestViolations(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		sent := failure(t, connect.CodeInvalidArgument,
			&errdetails.RetryInfo{},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
				{Field: "name", Description: "is too long"},
				{Field: "workers[0].maxsize", Description: "must not be above 64"},
			}})
		want := []Violation{{"name", "is too long"}, {"workers[0].maxsize", "must not be above 64"}}
		got := Violations(fmt.Errorf("cannot create: %w", received(t, protocol, sent)))
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
	for _, err := range []error{nil, errors.New("another"), unavailable()} {
		if got := Violations(err); len(got) != 0 {
			t.Errorf("%v has violations %v", err, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	overEach(t, func(t *testing.T, protocol Protocol) {
		inHeader := failure(t, connect.CodeUnavailable)
		inHeader.Meta().Set("Retry-After", "3")
		for want, sent := range map[time.Duration]error{
			3 * time.Second:         inHeader,
			1500 * time.Millisecond: failure(t, connect.CodeResourceExhausted, &errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)}),
		} {
			if got, ok := RetryAfter(received(t, protocol, sent)); !ok || got != want {
				t.Errorf("%v, %v, want %v", got, ok, want)
			}
		}
	})
	malformed := failure(t, connect.CodeUnavailable)
	malformed.Meta().Set("Retry-After", "soon")
	for _, err := range []error{nil, errors.New("another"), unavailable(), malformed} {
		if got, ok := RetryAfter(err); ok {
			t.Errorf("%v says %v", err, got)
		}
	}
}
