package slipway

import (
	"net/http"
	"slices"
	"time"

	"connectrpc.com/connect"
)

// Largest answer that is read: as much as a server sends.
const maxMessageBytes = 64 << 20

// Conn is what clients of one server have in common. It may be used by many goroutines.
type Conn struct {
	http    *http.Client
	url     string
	options []connect.ClientOption
}

// Open checks the options and makes a Conn; nothing is dialled before the first call.
func Open(options Options) (*Conn, error) {
	base, err := options.check()
	if err != nil {
		return nil, err
	}
	timeout := options.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &Conn{
		http: httpClient(options, base.Scheme == "https"),
		url:  base.String(),
		options: append(options.Protocol.options(),
			connect.WithReadMaxBytes(maxMessageBytes),
			// The outermost first: a call that is made again asks for its token again.
			connect.WithInterceptors(
				&retry{timeout: timeout, backoff: standardBackoff},
				&authorization{host: base.Host, tokens: tokensOf(options, timeout)},
				network{},
			),
		),
	}, nil
}

// HTTP is the client that generated constructors take first.
func (c *Conn) HTTP() *http.Client { return c.http }

// URL is what generated constructors take second.
func (c *Conn) URL() string { return c.url }

// Options are what generated constructors take last.
func (c *Conn) Options() []connect.ClientOption { return slices.Clone(c.options) }

// Close lets go of connections that no call uses.
func (c *Conn) Close() { c.http.CloseIdleConnections() }

// Client makes the client of a service: slipway.Client(conn, apiv1connect.NewClusterServiceClient).
func Client[T any](
	conn *Conn,
	construct func(connect.HTTPClient, string, ...connect.ClientOption) T,
	more ...connect.ClientOption,
) T {
	return construct(conn.HTTP(), conn.URL(), append(conn.Options(), more...)...)
}

// standardBackoff is that of retries and of streams that come back.
var standardBackoff = backoff{base: 250 * time.Millisecond, most: 5 * time.Second}
