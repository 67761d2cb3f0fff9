package e2e

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	deployv1 "slipway.dev/go/deploy/v1"
	"slipway.dev/go/deploy/v1/deployv1connect"
	"slipway.dev/go/slipway"
)

// Longer than anything takes on a machine that is busy.
const patience = 2 * time.Minute

// overEach runs a test with each protocol; it gets a context that ends, and options with the token of an owner.
func overEach(t *testing.T, test func(ctx context.Context, t *testing.T, info platform, options slipway.Options)) {
	info := started(t)
	for name, protocol := range map[string]slipway.Protocol{"Connect": slipway.Connect, "gRPC": slipway.GRPC} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			test(ctx, t, info, slipway.Options{URL: info.URL, Token: info.Tokens.Owner, Protocol: protocol})
		})
	}
}

func open(t *testing.T, options slipway.Options) *slipway.Conn {
	t.Helper()
	conn, err := slipway.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func must[T any](t *testing.T, what string, answer T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return answer
}

// place makes the environment, target and namespace that deployments of all tests share, once.
var place = sync.OnceValue(func() error {
	info, err := once()
	if err != nil {
		return err
	}
	conn, err := slipway.Open(slipway.Options{URL: info.URL, Token: info.Tokens.Owner})
	if err != nil {
		return err
	}
	defer conn.Close()
	return makePlace(context.Background(), conn, info)
})

func makePlace(ctx context.Context, conn *slipway.Conn, info platform) error {
	kubeconfig, err := os.ReadFile(info.Kubeconfig)
	if err != nil {
		return err
	}
	_, err = slipway.Client(conn, deployv1connect.NewEnvironmentServiceClient).Create(ctx,
		&deployv1.EnvironmentServiceCreateRequest{Project: info.Project, Name: "staging", IsDefault: true})
	if err != nil {
		return err
	}
	target, err := slipway.Client(conn, deployv1connect.NewTargetServiceClient).Create(ctx, &deployv1.TargetServiceCreateRequest{
		Project: info.Project,
		Name:    "here",
		Source:  &deployv1.TargetServiceCreateRequest_Kubeconfig{Kubeconfig: string(kubeconfig)},
	})
	if err != nil {
		return err
	}
	_, err = slipway.Client(conn, deployv1connect.NewNamespaceServiceClient).Create(ctx, &deployv1.NamespaceServiceCreateRequest{
		Project: info.Project,
		Target:  target.GetTarget().GetUuid(),
		Name:    "shop",
	})
	return err
}

func deploy(
	ctx context.Context, t *testing.T, deployments deployv1connect.DeploymentServiceClient, project, name string,
) *deployv1.DeploymentServiceCreateResponse {
	t.Helper()
	if err := place(); err != nil {
		t.Fatal(err)
	}
	image := &deployv1.ContainerImage{Image: "nginxinc/nginx-unprivileged:1.29"}
	created, err := deployments.Create(ctx, &deployv1.DeploymentServiceCreateRequest{
		Project: project,
		Name:    name,
		Source:  &deployv1.Source{Source: &deployv1.Source_Image{Image: image}},
	})
	return must(t, "create the deployment", created, err)
}

func wantCode(t *testing.T, err error, want connect.Code) {
	t.Helper()
	if err == nil || connect.CodeOf(err) != want {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// proxy passes TCP connections on to the platform until they are cut.
type proxy struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	conns    []net.Conn
	closed   bool
}

func openProxy(t *testing.T, to string) *proxy {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: target.Host}
	go p.accept()
	t.Cleanup(func() {
		listener.Close()
		p.cut(true)
	})
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

// cut ends all connections; until it is called with false, new ones are ended at once.
func (p *proxy) cut(closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = closed
	for _, conn := range p.conns {
		conn.Close()
	}
	p.conns = nil
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil || !p.keep(client, server) {
			client.Close()
			continue
		}
		go pass(client, server)
		go pass(server, client)
	}
}

func (p *proxy) keep(client, server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		server.Close()
		return false
	}
	p.conns = append(p.conns, client, server)
	return true
}

func pass(to, from net.Conn) {
	io.Copy(to, from)
	to.Close()
	from.Close()
}
