package slipway

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"
)

const (
	dialTimeout = 10 * time.Second
	// A connection on which nothing came for that time is asked whether it is alive.
	silence = 15 * time.Second
	// How long it may take to answer, and to take what is written.
	pingTimeout = 10 * time.Second
	idleTimeout = 90 * time.Second
)

func httpClient(options Options, secure bool) *http.Client {
	var client http.Client
	if options.HTTPClient != nil {
		client = *options.HTTPClient
	} else {
		client.Transport = newTransport(options, secure)
	}
	client.CheckRedirect = refuseRedirect
	return &client
}

func newTransport(options Options, secure bool) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     options.TLS,
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     idleTimeout,
		Protocols:           new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			SendPingTimeout:  silence,
			PingTimeout:      pingTimeout,
			WriteByteTimeout: pingTimeout,
		},
	}
	if secure {
		// Proxies tunnel TLS; HTTP/2 without TLS they do not know.
		transport.Proxy = http.ProxyFromEnvironment
		transport.Protocols.SetHTTP2(true)
		// gRPC needs HTTP/2; the others go on without it, but for streams in both directions.
		transport.Protocols.SetHTTP1(options.Protocol != GRPC)
	} else {
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	return transport
}

// The token is for the server that was named, and for no other.
func refuseRedirect(request *http.Request, _ []*http.Request) error {
	return connect.NewError(connect.CodeFailedPrecondition, fmt.Errorf(
		"the server redirects to %s://%s, which is not followed: give the URL of the API itself",
		request.URL.Scheme, request.URL.Host,
	))
}
