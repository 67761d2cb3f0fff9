package slipway

import (
	"errors"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
)

// Violation is a field of a request that is wrong.
type Violation struct {
	// Field is its path, in the names of the protos.
	Field string
	// Message says what to change.
	Message string
}

// Violations are the wrong fields of a request that ended with INVALID_ARGUMENT; none for other errors.
func Violations(err error) []Violation {
	request, ok := detail[*errdetails.BadRequest](err)
	if !ok {
		return nil
	}
	var violations []Violation
	for _, each := range request.GetFieldViolations() {
		violations = append(violations, Violation{Field: each.GetField(), Message: each.GetDescription()})
	}
	return violations
}

// RetryAfter is the time that the server asks to wait before the call is made again, and whether it asks for any.
func RetryAfter(err error) (time.Duration, bool) {
	if info, ok := detail[*errdetails.RetryInfo](err); ok && info.GetRetryDelay() != nil {
		return max(0, info.GetRetryDelay().AsDuration()), true
	}
	var known *connect.Error
	if !errors.As(err, &known) {
		return 0, false
	}
	seconds, err := strconv.ParseUint(known.Meta().Get("Retry-After"), 10, 31)
	return time.Duration(seconds) * time.Second, err == nil
}

// detail is the first detail of that type.
func detail[T any](err error) (found T, ok bool) {
	var known *connect.Error
	if !errors.As(err, &known) {
		return found, false
	}
	for _, each := range known.Details() {
		if value, err := each.Value(); err == nil {
			if found, ok = value.(T); ok {
				return found, true
			}
		}
	}
	return found, false
}
