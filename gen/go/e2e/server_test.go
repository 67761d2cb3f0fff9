// Package e2e does the main jobs on a whole platform, as `slipway dev` runs it on this machine.
package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startTimeout = 3 * time.Minute
	stopTimeout  = time.Minute
)

// platform is what `slipway dev` tells in dev.json.
type platform struct {
	URL        string `json:"url"`
	Project    string `json:"project"`
	Kubeconfig string `json:"kubeconfig"`
	Tokens     struct {
		Owner  string `json:"owner"`
		Viewer string `json:"viewer"`
	} `json:"tokens"`
}

// errMissing says that something is not there that the tests need, and that a checkout need not have.
var errMissing = errors.New("missing")

var (
	stop = func() {}
	once = sync.OnceValues(start)
)

func TestMain(m *testing.M) {
	code := m.Run()
	stop()
	os.Exit(code)
}

// started is the platform of all tests; without Node or the compiled program the test is skipped.
func started(t *testing.T) platform {
	t.Helper()
	info, err := once()
	if errors.Is(err, errMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// program is how Node runs it: SLIPWAY_PROGRAM has the arguments as a JSON list, or it is that of this checkout.
func program(root string) ([]string, error) {
	if told := os.Getenv("SLIPWAY_PROGRAM"); told != "" {
		var args []string
		return args, json.Unmarshal([]byte(told), &args)
	}
	if _, err := exec.LookPath("node"); err != nil {
		return nil, fmt.Errorf("%w: node is not installed", errMissing)
	}
	if _, err := os.Stat(filepath.Join(root, "dist", "src", "main.js")); err != nil {
		return nil, fmt.Errorf("%w: slipway is not compiled, run npm run build", errMissing)
	}
	return []string{filepath.Join(root, "bin", "slipway.js")}, nil
}

func start() (platform, error) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		return platform{}, err
	}
	args, err := program(root)
	if err != nil {
		return platform{}, err
	}
	data, err := os.MkdirTemp("", "slipway-go-e2e-")
	if err != nil {
		return platform{}, err
	}
	var output bytes.Buffer
	command := exec.Command("node", append(args, "dev", "--listen", "127.0.0.1:0", "--data-dir", data, "--time-scale", "20")...)
	command.Dir = root
	// Nothing else of the environment: a database or Kubernetes that is set there is not meant.
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + data, "SLIPWAY_METRICS_LISTEN=127.0.0.1:0"}
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		return platform{}, err
	}
	ended := make(chan struct{})
	go func() {
		command.Wait()
		close(ended)
	}()
	stop = func() {
		end(command, ended)
		os.RemoveAll(data)
	}
	info, err := ready(filepath.Join(data, "dev.json"), ended)
	if err != nil {
		stop()
		return platform{}, fmt.Errorf("%w:\n%s", err, output.String())
	}
	return info, nil
}

func end(command *exec.Cmd, ended <-chan struct{}) {
	command.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(stopTimeout):
		command.Process.Kill()
		<-ended
	}
}

// ready waits until the program has written the file, and serves.
func ready(path string, ended <-chan struct{}) (platform, error) {
	deadline := time.After(startTimeout)
	client := &http.Client{Timeout: 5 * time.Second}
	for {
		if info, err := read(path); err == nil {
			if answer, err := client.Get(info.URL + "/readyz"); err == nil {
				answer.Body.Close()
				if answer.StatusCode == http.StatusOK {
					return info, nil
				}
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return platform{}, err
		}
		select {
		case <-ended:
			return platform{}, errors.New("slipway dev ended")
		case <-deadline:
			return platform{}, fmt.Errorf("slipway dev is not ready after %s", startTimeout)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func read(path string) (info platform, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return info, err
	}
	return info, json.Unmarshal(text, &info)
}
