package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	deployv1 "slipway.dev/go/deploy/v1"
	"slipway.dev/go/deploy/v1/deployv1connect"
	"slipway.dev/go/slipway"
)

func TestADeployment(t *testing.T) {
	overEach(t, func(ctx context.Context, t *testing.T, info platform, options slipway.Options) {
		conn := open(t, options)
		deployments := slipway.Client(conn, deployv1connect.NewDeploymentServiceClient)
		created := deploy(ctx, t, deployments, info.Project, "web-"+strings.ToLower(protocolName(options)))
		task := followTask(ctx, t, slipway.Client(conn, deployv1connect.NewTaskServiceClient), created.GetTask())
		if task.GetState() != deployv1.TaskState_TASK_STATE_SUCCEEDED || task.GetStepsDone() == 0 {
			t.Errorf("the task %v after %d steps: %s", task.GetState(), task.GetStepsDone(), task.GetMessage())
		}
		uuid := created.GetDeployment().GetUuid()
		for answer, err := range slipway.Watch(ctx, watching(deployments, info.Project, uuid)) {
			if must(t, "watch", answer, err).GetDeployment().GetHealth() == deployv1.DeploymentHealth_DEPLOYMENT_HEALTH_HEALTHY {
				return
			}
		}
		t.Error("the watch ended before it was healthy")
	})
}

func protocolName(options slipway.Options) string {
	if options.Protocol == slipway.GRPC {
		return "gRPC"
	}
	return "Connect"
}

// followTask reads the stream of a task, which ends with it; lines of its log come once and in order.
func followTask(ctx context.Context, t *testing.T, tasks deployv1connect.TaskServiceClient, task *deployv1.Task) *deployv1.Task {
	t.Helper()
	var line int64
	for answer, err := range slipway.Watch(ctx, func(ctx context.Context, token string) (
		*connect.ServerStreamForClient[deployv1.TaskServiceWatchResponse], error,
	) {
		return tasks.Watch(ctx, &deployv1.TaskServiceWatchRequest{
			Project: task.GetProject(), Uuid: task.GetUuid(), ResumeToken: token,
		})
	}) {
		task = must(t, "watch the task", answer, err).GetTask()
		for _, each := range answer.GetLog() {
			if each.GetNumber() != line+1 {
				t.Errorf("line %d comes after line %d", each.GetNumber(), line)
			}
			line = each.GetNumber()
		}
	}
	if line == 0 {
		t.Error("the task has no log")
	}
	return task
}

type deploymentStream = *connect.ServerStreamForClient[deployv1.DeploymentServiceWatchResponse]

func watching(deployments deployv1connect.DeploymentServiceClient, project, uuid string) func(context.Context, string) (
	deploymentStream, error,
) {
	return func(ctx context.Context, token string) (deploymentStream, error) {
		return deployments.Watch(ctx, &deployv1.DeploymentServiceWatchRequest{
			Project: project, Deployment: uuid, ResumeToken: token,
		})
	}
}

func TestAStreamGoesOnAfterTheConnectionWasCut(t *testing.T) {
	overEach(t, func(ctx context.Context, t *testing.T, info platform, options slipway.Options) {
		direct := slipway.Client(open(t, options), deployv1connect.NewDeploymentServiceClient)
		created := deploy(ctx, t, direct, info.Project, "cut-"+strings.ToLower(protocolName(options)))
		uuid := created.GetDeployment().GetUuid()
		between := openProxy(t, info.URL)
		options.URL = between.url()
		through := watching(slipway.Client(open(t, options), deployv1connect.NewDeploymentServiceClient), info.Project, uuid)

		change := func(err error) {
			_, failure := direct.Update(ctx, &deployv1.DeploymentServiceUpdateRequest{
				Project: info.Project, Deployment: uuid, Description: new("changed meanwhile"),
			})
			must(t, "update", err, failure)
			between.cut(false)
		}
		var tokens []string
		var lost []error
		for answer, err := range slipway.Watch(ctx, func(ctx context.Context, token string) (deploymentStream, error) {
			tokens = append(tokens, token)
			return through(ctx, token)
		}, slipway.OnWait(func(err error, _ time.Duration) {
			lost = append(lost, err)
			change(err)
		})) {
			if must(t, "watch", answer, err).GetDeployment().GetDescription() == "changed meanwhile" {
				break
			}
			if len(lost) == 0 {
				between.cut(true)
			}
		}
		if len(lost) == 0 || connect.CodeOf(lost[0]) != connect.CodeUnavailable {
			t.Errorf("the connection was lost with %v", lost)
		}
		if len(tokens) < 2 || tokens[0] != "" || tokens[len(tokens)-1] == "" {
			t.Errorf("it came back with the tokens %q", tokens)
		}
	})
}

func TestATokenThatTheServerDoesNotKnow(t *testing.T) {
	overEach(t, func(ctx context.Context, t *testing.T, info platform, options slipway.Options) {
		deployments := slipway.Client(open(t, options), deployv1connect.NewDeploymentServiceClient)
		created := deploy(ctx, t, deployments, info.Project, "anew-"+strings.ToLower(protocolName(options)))
		uuid := created.GetDeployment().GetUuid()
		var restarts []error
		for answer, err := range slipway.Watch(ctx, watching(deployments, info.Project, uuid),
			slipway.ResumeFrom("of another server"),
			slipway.OnRestart(func(err error) { restarts = append(restarts, err) }),
		) {
			if got := must(t, "watch", answer, err).GetDeployment().GetUuid(); got != uuid {
				t.Errorf("it tells of %s", got)
			}
			break
		}
		if len(restarts) != 1 || connect.CodeOf(restarts[0]) != connect.CodeInvalidArgument {
			t.Errorf("it began anew for %v", restarts)
		}
	})
}
