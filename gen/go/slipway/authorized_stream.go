package slipway

import (
	"errors"
	"io"
	"maps"

	"connectrpc.com/connect"
)

// authorizedStream is a stream with a token. When the server refuses that before the first answer, a stream with one
// request is opened again with another token; those with more have theirs renewed for the next one.
type authorizedStream struct {
	connect.StreamingClientConn
	open         func() connect.StreamingClientConn
	renewedAfter func(err error) (string, error)
	// The one request.
	request any
	begun   bool
	// Why there is no token; nothing is sent then.
	err error
}

func (s *authorizedStream) Send(message any) error {
	if s.err != nil {
		return s.err
	}
	if s.Spec().StreamType == connect.StreamTypeServer {
		s.request = message
	}
	return s.StreamingClientConn.Send(message)
}

func (s *authorizedStream) Receive(message any) error {
	if s.err != nil {
		return s.err
	}
	err := s.StreamingClientConn.Receive(message)
	if err == nil || s.begun {
		s.begun = true
		return err
	}
	s.begun = true
	token, err := s.renewedAfter(err)
	if token == "" || s.request == nil {
		return err
	}
	if err := s.reopen(token); err != nil {
		return err
	}
	return s.StreamingClientConn.Receive(message)
}

func (s *authorizedStream) reopen(token string) error {
	refused := s.StreamingClientConn
	s.StreamingClientConn = s.open()
	maps.Copy(s.RequestHeader(), refused.RequestHeader())
	setToken(s.RequestHeader(), token)
	_ = refused.CloseResponse()
	// The cause of an EOF is told by Receive.
	if err := s.StreamingClientConn.Send(s.request); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return s.StreamingClientConn.CloseRequest()
}

// A stream without a token was never opened.
func (s *authorizedStream) CloseRequest() error {
	if s.err != nil {
		return nil
	}
	return s.StreamingClientConn.CloseRequest()
}

func (s *authorizedStream) CloseResponse() error {
	if s.err != nil {
		return nil
	}
	return s.StreamingClientConn.CloseResponse()
}
