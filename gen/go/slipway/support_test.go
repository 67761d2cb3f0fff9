package slipway

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	deployv1 "slipway.dev/go/deploy/v1"
	"slipway.dev/go/deploy/v1/deployv1connect"
)

func TestMain(m *testing.M) {
	standardBackoff = backoff{base: time.Millisecond, most: 10 * time.Millisecond}
	os.Exit(m.Run())
}

// protocols are those that each test of calls is run with.
var protocols = map[string]Protocol{"Connect": Connect, "gRPC": GRPC, "gRPC-Web": GRPCWeb}

func overEach(t *testing.T, test func(t *testing.T, protocol Protocol)) {
	for name, protocol := range protocols {
		t.Run(name, func(t *testing.T) { test(t, protocol) })
	}
}

// taskServer answers with functions; what is not set is not called.
type taskServer struct {
	deployv1connect.UnimplementedTaskServiceHandler
	get    func(context.Context, http.Header) (*deployv1.TaskServiceGetResponse, error)
	cancel func(context.Context, http.Header) (*deployv1.TaskServiceCancelResponse, error)
	watch  func(context.Context, string, http.Header, *connect.ServerStream[deployv1.TaskServiceWatchResponse]) error
}

func (s *taskServer) Get(ctx context.Context, _ *deployv1.TaskServiceGetRequest) (*deployv1.TaskServiceGetResponse, error) {
	return s.get(ctx, headerOf(ctx))
}

func (s *taskServer) Cancel(
	ctx context.Context, _ *deployv1.TaskServiceCancelRequest,
) (*deployv1.TaskServiceCancelResponse, error) {
	return s.cancel(ctx, headerOf(ctx))
}

func (s *taskServer) Watch(
	ctx context.Context,
	request *deployv1.TaskServiceWatchRequest,
	stream *connect.ServerStream[deployv1.TaskServiceWatchResponse],
) error {
	return s.watch(ctx, request.GetResumeToken(), headerOf(ctx), stream)
}

func headerOf(ctx context.Context) http.Header {
	info, _ := connect.CallInfoForHandlerContext(ctx)
	return info.RequestHeader()
}

// cuttable is a listener whose connections can be cut.
type cuttable struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (c *cuttable) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cuttable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

// serve serves until the end of the test, and answers the URL.
func serve(t *testing.T, handler http.Handler) (string, *cuttable) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections := &cuttable{Listener: listener}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handler, Protocols: protocols}
	go server.Serve(connections)
	t.Cleanup(func() { server.Close() })
	return "http://" + listener.Addr().String(), connections
}

func serveTasks(t *testing.T, tasks *taskServer) (string, *cuttable) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(deployv1connect.NewTaskServiceHandler(tasks))
	return serve(t, mux)
}

func tasksAt(t *testing.T, options Options) deployv1connect.TaskServiceClient {
	t.Helper()
	conn, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return Client(conn, deployv1connect.NewTaskServiceClient)
}

func unavailable() error { return connect.NewError(connect.CodeUnavailable, nil) }

func wantCode(t *testing.T, err error, want connect.Code) {
	t.Helper()
	if err == nil || connect.CodeOf(err) != want {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// discard takes what servers log of clients that do not trust them.
var discard = log.New(io.Discard, "", 0)
