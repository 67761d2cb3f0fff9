package slipway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect"
)

// Protocol is how calls travel; every Slipway server speaks all of them.
type Protocol int

const (
	// Connect is what a Conn speaks unless told otherwise.
	Connect Protocol = iota
	// GRPC is gRPC over HTTP/2.
	GRPC
	// GRPCWeb is for what passes proxies that do not know trailers.
	GRPCWeb
)

const defaultTimeout = 30 * time.Second

// Options say how a server is reached. Only URL must be set.
type Options struct {
	// URL of the server, such as https://api.example.com. Over http:// it is HTTP/2 without TLS.
	URL string
	// Token is sent with every call; empty for none.
	Token string
	// TokenSource gives the token instead of Token, and another one when the server does not take it any more.
	TokenSource TokenSource
	// Protocol is Connect unless set.
	Protocol Protocol
	// Timeout of unary calls whose context has no deadline, retries included; 30 seconds unless set.
	Timeout time.Duration
	// TLS is for servers whose certificate is not signed by an authority that this machine trusts.
	TLS *tls.Config
	// HTTPClient is used instead of one that is made for this server. It is copied, and follows no redirects.
	HTTPClient *http.Client
}

func (o Options) check() (*url.URL, error) {
	// The parser's own error repeats the URL, which may have a password.
	base, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return nil, errors.New("slipway: URL cannot be parsed: it must be like https://api.example.com")
	case base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		return nil, errors.New("slipway: URL must begin with http:// or https:// and name a host")
	case base.User != nil, base.RawQuery != "", base.Fragment != "":
		return nil, errors.New("slipway: URL must have no user, query or fragment; a token belongs in Token")
	case o.Token != "" && o.TokenSource != nil:
		return nil, errors.New("slipway: Token and TokenSource are both set; one gives the token")
	case o.HTTPClient != nil && o.TLS != nil:
		return nil, errors.New("slipway: TLS has no effect on HTTPClient; set it in the client's transport")
	case o.Timeout < 0:
		return nil, errors.New("slipway: Timeout must not be negative; 0 is for 30 seconds")
	case o.Protocol < Connect || o.Protocol > GRPCWeb:
		return nil, fmt.Errorf("slipway: Protocol %d is none of Connect, GRPC and GRPCWeb", o.Protocol)
	}
	base.Path = strings.TrimRight(base.Path, "/")
	return base, nil
}

func (p Protocol) options() []connect.ClientOption {
	switch p {
	case GRPC:
		return []connect.ClientOption{connect.WithGRPC()}
	case GRPCWeb:
		return []connect.ClientOption{connect.WithGRPCWeb()}
	default:
		return nil
	}
}
