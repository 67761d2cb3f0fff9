// Command deploy runs a container image, watches the task that makes it run, and tells how it is reached.
//
// It reads SLIPWAY_URL, SLIPWAY_TOKEN and SLIPWAY_PROJECT. The project has an environment that is its default, and one
// target with one namespace.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"connectrpc.com/connect"
	deployv1 "slipway.dev/go/deploy/v1"
	"slipway.dev/go/deploy/v1/deployv1connect"
	"slipway.dev/go/slipway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Getenv("SLIPWAY_PROJECT")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, project string) error {
	conn, err := slipway.Open(slipway.Options{
		URL:      os.Getenv("SLIPWAY_URL"),
		Token:    os.Getenv("SLIPWAY_TOKEN"),
		Protocol: slipway.GRPC,
	})
	if err != nil {
		return err
	}
	defer conn.Close()

	deployments := slipway.Client(conn, deployv1connect.NewDeploymentServiceClient)
	image := &deployv1.ContainerImage{Image: "nginxinc/nginx-unprivileged:1.29"}
	created, err := deployments.Create(ctx, &deployv1.DeploymentServiceCreateRequest{
		Project: project,
		Name:    "go-example",
		Source:  &deployv1.Source{Source: &deployv1.Source_Image{Image: image}},
	})
	if err != nil {
		return fmt.Errorf("cannot create the deployment: %w", err)
	}

	tasks := slipway.Client(conn, deployv1connect.NewTaskServiceClient)
	if err := follow(ctx, tasks, created.GetTask()); err != nil {
		return err
	}

	info, err := deployments.GetConnectionInfo(ctx, &deployv1.DeploymentServiceGetConnectionInfoRequest{
		Project:    project,
		Deployment: created.GetDeployment().GetUuid(),
	})
	if err != nil {
		return fmt.Errorf("cannot get the addresses: %w", err)
	}
	for _, endpoint := range info.GetEndpoints() {
		fmt.Printf("%s:%d\n", endpoint.GetHost(), endpoint.GetPort())
	}
	return nil
}

// follow tells the log of a task until it has ended.
func follow(ctx context.Context, tasks deployv1connect.TaskServiceClient, task *deployv1.Task) error {
	open := func(ctx context.Context, resumeToken string) (
		*connect.ServerStreamForClient[deployv1.TaskServiceWatchResponse], error,
	) {
		return tasks.Watch(ctx, &deployv1.TaskServiceWatchRequest{
			Project:     task.GetProject(),
			Uuid:        task.GetUuid(),
			ResumeToken: resumeToken,
		})
	}
	for answer, err := range slipway.Watch(ctx, open) {
		if err != nil {
			return fmt.Errorf("cannot watch the task: %w", err)
		}
		task = answer.GetTask()
		for _, line := range answer.GetLog() {
			fmt.Fprintf(os.Stderr, "%s: %s\n", line.GetStep(), line.GetText())
		}
	}
	// The stream of a task ends with the task.
	if task.GetState() != deployv1.TaskState_TASK_STATE_SUCCEEDED {
		return fmt.Errorf("the task %s: %s", task.GetState(), task.GetMessage())
	}
	return nil
}
