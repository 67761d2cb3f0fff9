package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runExample builds an example and runs it as its readers do.
func runExample(t *testing.T, name, token string) (stdout, stderr string, err error) {
	t.Helper()
	info := started(t)
	if err := place(); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), name)
	if output, err := exec.Command("go", "build", "-o", program, "../examples/"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, problems strings.Builder
	command := exec.CommandContext(ctx, program)
	command.Env = append(os.Environ(), "SLIPWAY_URL="+info.URL, "SLIPWAY_TOKEN="+token, "SLIPWAY_PROJECT="+info.Project)
	command.Stdout, command.Stderr = &out, &problems
	err = command.Run()
	return out.String(), problems.String(), err
}

func TestTheExampleOfAClusterRuns(t *testing.T) {
	kubeconfig, progress, err := runExample(t, "cluster", started(t).Tokens.Owner)
	if err != nil {
		t.Fatalf("%v\n%s", err, progress)
	}
	if !strings.HasSuffix(progress, "Create Succeeded 100%\n") || !strings.Contains(kubeconfig, "client-certificate-data: ") {
		t.Errorf("it printed:\n%s", progress)
	}
}

func TestTheExampleOfADeploymentRuns(t *testing.T) {
	endpoints, log, err := runExample(t, "deploy", started(t).Tokens.Owner)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if !strings.HasSuffix(endpoints, ".shop.svc.cluster.local:8080\n") || !strings.Contains(log, "apply: ") {
		t.Errorf("it printed:\n%s%s", endpoints, log)
	}
}

func TestAnExampleTellsWhatIsWrong(t *testing.T) {
	for _, name := range []string{"cluster", "deploy"} {
		_, problem, err := runExample(t, name, started(t).Tokens.Viewer)
		if err == nil || !strings.Contains(problem, "permission_denied") {
			t.Errorf("%s: %v\n%s", name, err, problem)
		}
	}
}
