// Command cluster makes a cluster, watches it come to life, fetches its kubeconfig and deletes it again.
//
// It reads SLIPWAY_URL, SLIPWAY_TOKEN and SLIPWAY_PROJECT, and writes the kubeconfig to standard output.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"connectrpc.com/connect"
	apiv1 "slipway.dev/go/api/v1"
	"slipway.dev/go/api/v1/apiv1connect"
	"slipway.dev/go/slipway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Getenv("SLIPWAY_PROJECT")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		for _, violation := range slipway.Violations(err) {
			fmt.Fprintf(os.Stderr, "  %s: %s\n", violation.Field, violation.Message)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, project string) error {
	conn, err := slipway.Open(slipway.Options{
		URL:   os.Getenv("SLIPWAY_URL"),
		Token: os.Getenv("SLIPWAY_TOKEN"),
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	clusters := slipway.Client(conn, apiv1connect.NewClusterServiceClient)

	created, err := clusters.Create(ctx, &apiv1.ClusterServiceCreateRequest{Project: project, Name: "go-example"})
	if err != nil {
		return fmt.Errorf("cannot create the cluster: %w", err)
	}
	uuid := created.GetCluster().GetUuid()

	if err := watch(ctx, clusters, project, uuid); err != nil {
		return err
	}

	credentials, err := clusters.GetCredentials(ctx, &apiv1.ClusterServiceGetCredentialsRequest{
		Project: project,
		Uuid:    uuid,
	})
	if err != nil {
		return fmt.Errorf("cannot get the kubeconfig: %w", err)
	}
	fmt.Print(credentials.GetKubeconfig())

	_, err = clusters.Delete(ctx, &apiv1.ClusterServiceDeleteRequest{Project: project, Uuid: uuid})
	return err
}

// watch tells the progress of a cluster until it is ready.
func watch(ctx context.Context, clusters apiv1connect.ClusterServiceClient, project, uuid string) error {
	open := func(ctx context.Context, _ string) (
		*connect.ServerStreamForClient[apiv1.ClusterServiceWatchStatusResponse], error,
	) {
		return clusters.WatchStatus(ctx, &apiv1.ClusterServiceWatchStatusRequest{Project: project, Uuid: &uuid})
	}
	for answer, err := range slipway.Watch(ctx, open) {
		if err != nil {
			return fmt.Errorf("cannot watch the cluster: %w", err)
		}
		status := answer.GetStatus()
		fmt.Fprintf(os.Stderr, "%s %s %d%%\n", status.GetType(), status.GetState(), status.GetProgress())
		switch status.GetState() {
		case "Succeeded":
			return nil
		case "Failed":
			return fmt.Errorf("the cluster could not be made: %v", status.GetLastErrors())
		}
	}
	return errors.New("the cluster is gone")
}
