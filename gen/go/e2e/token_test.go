package e2e

import (
	"context"
	"strings"
	"testing"

	"connectrpc.com/connect"
	apiv1 "slipway.dev/go/api/v1"
	"slipway.dev/go/api/v1/apiv1connect"
	deployv1 "slipway.dev/go/deploy/v1"
	"slipway.dev/go/deploy/v1/deployv1connect"
	"slipway.dev/go/slipway"
)

func TestAWrongToken(t *testing.T) {
	overEach(t, func(ctx context.Context, t *testing.T, info platform, options slipway.Options) {
		good := options.Token
		for _, options.Token = range []string{"", "hunter2", good[:len(good)-4] + "AAAA"} {
			conn := open(t, options)
			_, err := slipway.Client(conn, apiv1connect.NewClusterServiceClient).List(ctx,
				&apiv1.ClusterServiceListRequest{Project: info.Project})
			wantCode(t, err, connect.CodeUnauthenticated)
			deployments := slipway.Client(conn, deployv1connect.NewDeploymentServiceClient)
			var ended error
			for _, ended = range slipway.Watch(ctx, watching(deployments, info.Project, "")) {
			}
			wantCode(t, ended, connect.CodeUnauthenticated)
			if told := err.Error() + ended.Error(); strings.Contains(told, "hunter2") {
				t.Errorf("the token is told: %s", told)
			}
		}
		options.Token = info.Tokens.Viewer
		_, err := slipway.Client(open(t, options), apiv1connect.NewClusterServiceClient).Create(ctx,
			&apiv1.ClusterServiceCreateRequest{Project: info.Project, Name: "mine"})
		wantCode(t, err, connect.CodePermissionDenied)
	})
}

func TestATokenIsRenewed(t *testing.T) {
	overEach(t, func(ctx context.Context, t *testing.T, info platform, options slipway.Options) {
		good := options.Token
		asked := 0
		options.Token, options.TokenSource = "", func(_ context.Context, rejected string) (string, error) {
			asked++
			if rejected == "" {
				return "outdated", nil
			}
			return good, nil
		}
		answer, err := slipway.Client(open(t, options), apiv1connect.NewClusterServiceClient).List(ctx,
			&apiv1.ClusterServiceListRequest{Project: info.Project})
		must(t, "list", answer, err)
		stream, err := slipway.Client(open(t, options), deployv1connect.NewDeploymentServiceClient).Watch(ctx,
			&deployv1.DeploymentServiceWatchRequest{Project: info.Project, Deployment: info.Project})
		if err == nil {
			stream.Receive()
			err = stream.Err()
		}
		// With the token that holds, the server says that there is no such deployment.
		wantCode(t, err, connect.CodeNotFound)
		if asked != 4 {
			t.Errorf("the source was asked %d times, want twice for each Conn", asked)
		}
	})
}
