package slipway_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"connectrpc.com/connect"
	apiv1 "slipway.dev/go/api/v1"
	"slipway.dev/go/api/v1/apiv1connect"
	deployv1 "slipway.dev/go/deploy/v1"
	"slipway.dev/go/deploy/v1/deployv1connect"
	"slipway.dev/go/slipway"
)

func ExampleOpen() {
	conn, err := slipway.Open(slipway.Options{
		URL:      os.Getenv("SLIPWAY_URL"),
		Token:    os.Getenv("SLIPWAY_TOKEN"),
		Protocol: slipway.GRPC,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	clusters := slipway.Client(conn, apiv1connect.NewClusterServiceClient)
	answer, err := clusters.List(context.Background(), &apiv1.ClusterServiceListRequest{
		Project: os.Getenv("SLIPWAY_PROJECT"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, cluster := range answer.GetClusters() {
		fmt.Println(cluster.GetName(), cluster.GetStatus().GetState())
	}
}

func ExampleOpen_tokenSource() {
	conn, err := slipway.Open(slipway.Options{
		URL: "https://api.example.com",
		TokenSource: func(ctx context.Context, rejected string) (string, error) {
			token, err := os.ReadFile("/var/run/secrets/slipway/token")
			return string(token), err
		},
	})
	fmt.Println(conn, err)
}

func ExampleConn_Options() {
	conn, err := slipway.Open(slipway.Options{URL: "https://api.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	assets := apiv1connect.NewAssetServiceClient(conn.HTTP(), conn.URL(), conn.Options()...)
	fmt.Println(assets)
}

func ExampleWatch() {
	watchDeployments := func(ctx context.Context, deployments deployv1connect.DeploymentServiceClient, project string) error {
		open := func(ctx context.Context, resumeToken string) (
			*connect.ServerStreamForClient[deployv1.DeploymentServiceWatchResponse], error,
		) {
			return deployments.Watch(ctx, &deployv1.DeploymentServiceWatchRequest{
				Project:     project,
				ResumeToken: resumeToken,
			})
		}
		away := slipway.OnWait(func(err error, delay time.Duration) {
			fmt.Fprintf(os.Stderr, "%v; back in %s\n", err, delay)
		})
		for answer, err := range slipway.Watch(ctx, open, away) {
			if err != nil {
				return err
			}
			deployment := answer.GetDeployment()
			fmt.Println(deployment.GetName(), deployment.GetPhase(), deployment.GetHealth())
		}
		return nil
	}
	_ = watchDeployments
}

func ExampleViolations() {
	explain := func(err error) {
		for _, violation := range slipway.Violations(err) {
			fmt.Printf("%s: %s\n", violation.Field, violation.Message)
		}
		if after, ok := slipway.RetryAfter(err); ok {
			fmt.Printf("try again in %s\n", after)
		}
		if connect.CodeOf(err) == connect.CodeNotFound {
			fmt.Println("there is no such thing")
		}
	}
	_ = explain
}
