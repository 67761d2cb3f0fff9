package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"testing"
	"time"

	"connectrpc.com/connect"
	apiv1 "slipway.dev/go/api/v1"
	"slipway.dev/go/api/v1/apiv1connect"
	"slipway.dev/go/slipway"
)

func TestACluster(t *testing.T) {
	overEach(t, func(ctx context.Context, t *testing.T, info platform, options slipway.Options) {
		conn := open(t, options)
		assets, err := slipway.Client(conn, apiv1connect.NewAssetServiceClient).List(ctx, &apiv1.AssetServiceListRequest{})
		if must(t, "list assets", assets, err); len(assets.GetAssets()) == 0 {
			t.Error("nothing can be ordered")
		}
		clusters := slipway.Client(conn, apiv1connect.NewClusterServiceClient)
		created, err := clusters.Create(ctx, &apiv1.ClusterServiceCreateRequest{Project: info.Project, Name: "first"})
		uuid := must(t, "create the cluster", created, err).GetCluster().GetUuid()

		watchUntilReady(ctx, t, clusters, info.Project, uuid)

		credentials, err := clusters.GetCredentials(ctx, &apiv1.ClusterServiceGetCredentialsRequest{Project: info.Project, Uuid: uuid})
		if nodes := listNodes(t, must(t, "get credentials", credentials, err).GetKubeconfig()); nodes == 0 {
			t.Error("the cluster has no nodes")
		}
		deleted, err := clusters.Delete(ctx, &apiv1.ClusterServiceDeleteRequest{Project: info.Project, Uuid: uuid})
		if must(t, "delete the cluster", deleted, err).GetCluster().GetDeletedAt() == nil {
			t.Error("its deletion has not begun")
		}
		for err = nil; err == nil && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
			_, err = clusters.Get(ctx, &apiv1.ClusterServiceGetRequest{Project: info.Project, Uuid: uuid})
		}
		wantCode(t, err, connect.CodeNotFound)
	})
}

func watchUntilReady(ctx context.Context, t *testing.T, clusters apiv1connect.ClusterServiceClient, project, uuid string) {
	t.Helper()
	var before uint32
	begun := false
	for answer, err := range slipway.Watch(ctx, func(ctx context.Context, _ string) (
		*connect.ServerStreamForClient[apiv1.ClusterServiceWatchStatusResponse], error,
	) {
		return clusters.WatchStatus(ctx, &apiv1.ClusterServiceWatchStatusRequest{Project: project, Uuid: &uuid})
	}) {
		status := must(t, "watch", answer, err).GetStatus()
		if status.GetProgress() < before || status.GetType() != "Create" {
			t.Fatalf("%s at %d%%, after %d%%", status.GetType(), status.GetProgress(), before)
		}
		before = status.GetProgress()
		if status.GetState() == "Succeeded" {
			if !begun || before != 100 {
				t.Errorf("it succeeded at %d%%; its beginning was told: %v", before, begun)
			}
			return
		}
		begun = begun || before < 100
	}
	t.Error("the watch ended")
}

// listNodes looks into a cluster with its kubeconfig, and counts the nodes.
func listNodes(t *testing.T, kubeconfig string) int {
	t.Helper()
	field := func(name string) string {
		match := regexp.MustCompile(name + `: "?([^\s"]+)`).FindStringSubmatch(kubeconfig)
		if match == nil {
			t.Fatalf("the kubeconfig has no %s", name)
		}
		return match[1]
	}
	data := func(name string) []byte {
		bytes, err := base64.StdEncoding.DecodeString(field(name))
		return must(t, name, bytes, err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(data("certificate-authority-data"))
	pair, err := tls.X509KeyPair(data("client-certificate-data"), data("client-key-data"))
	must(t, "client certificate", pair, err)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: authorities, Certificates: []tls.Certificate{pair}},
	}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(field("server") + "/api/v1/nodes")
	defer must(t, "list nodes", answer, err).Body.Close()
	var nodes struct{ Items []json.RawMessage }
	if err := json.NewDecoder(answer.Body).Decode(&nodes); err != nil {
		t.Fatal(err)
	}
	return len(nodes.Items)
}

func TestViolationsAreNamed(t *testing.T) {
	overEach(t, func(ctx context.Context, t *testing.T, info platform, options slipway.Options) {
		_, err := slipway.Client(open(t, options), apiv1connect.NewClusterServiceClient).Create(ctx,
			&apiv1.ClusterServiceCreateRequest{Project: info.Project, Name: "a-name-that-is-too-long"})
		wantCode(t, err, connect.CodeInvalidArgument)
		if all := slipway.Violations(err); len(all) != 1 || all[0].Field != "name" || all[0].Message == "" {
			t.Errorf("violations are %+v", all)
		}
	})
}
