import { ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform.close());

const transports: [string, (baseUrl: string) => Transport][] = [
  ["gRPC over h2c", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web over HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["gRPC-Web over h2c", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  [
    "Connect over HTTP/1.1",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  ],
  ["Connect over h2c", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true })],
  ["Connect in JSON", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false })],
];

describe.each(transports)("a cluster from creation to deletion, %s", (_, open) => {
  const name = `c${Math.random().toString(36).slice(2, 8)}`;
  let uuid = "";

  it("creates it [metalstack.api.v1.ClusterService.Create]", async () => {
    const client = platform.client(ClusterService, open(platform.url));
    const { cluster } = await client.create({ project: platform.project, name }, as(platform.tokens.editor));
    expect(cluster).toMatchObject({ name, project: platform.project, tenant: platform.tenant });
    expect(cluster?.status).toMatchObject({ type: "Create", state: "Pending" });
    uuid = cluster?.uuid ?? "";
  });

  it("watches it to Succeeded [metalstack.api.v1.ClusterService.WatchStatus]", async () => {
    const client = platform.client(ClusterService, open(platform.url));
    const seen: [string, number][] = [];
    for await (const { status } of client.watchStatus(
      { project: platform.project, uuid },
      as(platform.tokens.viewer),
    )) {
      if (status === undefined) continue;
      seen.push([status.state, status.progress]);
      if (status.state === "Succeeded") break;
    }
    expect(seen.at(-1)).toEqual(["Succeeded", 100]);
    // Progress only grows.
    expect(seen.map(([, progress]) => progress)).toEqual(seen.map(([, progress]) => progress).sort((a, b) => a - b));
  });

  it("shows it [metalstack.api.v1.ClusterService.Get] [metalstack.api.v1.ClusterService.List]", async () => {
    const client = platform.client(ClusterService, open(platform.url));
    const { cluster } = await client.get({ project: platform.project, uuid }, as(platform.tokens.viewer));
    expect(cluster?.kubernetes?.version).toBe("1.33.5");
    expect(cluster?.maintenance?.timeWindow?.duration?.seconds).toBe(7200n);
    const { clusters } = await client.list({ project: platform.project }, as(platform.tokens.viewer));
    expect(clusters.map((each) => each.uuid)).toContain(uuid);
  });

  it("hands out a kubeconfig that opens it [metalstack.api.v1.ClusterService.GetCredentials]", async () => {
    const client = platform.client(ClusterService, open(platform.url));
    const { kubeconfig } = await client.getCredentials({ project: platform.project, uuid }, as(platform.tokens.editor));
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    expect(config.users).toHaveLength(1);
    expect(config.getCurrentUser()).toMatchObject({ certData: expect.any(String), keyData: expect.any(String) });
    expect(config.getCurrentCluster()?.name).toMatch(new RegExp(`^shoot--.+--${name}-external$`));
    const { CoreV1Api } = await import("@kubernetes/client-node");
    const nodes = await config.makeApiClient(CoreV1Api).listNode();
    expect(nodes.items.length).toBeGreaterThan(0);
  });

  it("deletes it, and the watch ends [metalstack.api.v1.ClusterService.Delete]", async () => {
    const client = platform.client(ClusterService, open(platform.url));
    const watched: string[] = [];
    const watching = (async () => {
      for await (const { status } of client.watchStatus(
        { project: platform.project, uuid },
        as(platform.tokens.viewer),
      )) {
        watched.push(`${status?.type} ${status?.state}`);
      }
    })();
    const { cluster } = await client.delete({ project: platform.project, uuid }, as(platform.tokens.editor));
    expect(cluster?.status).toMatchObject({ type: "Delete", state: "Pending" });
    await watching;
    expect(watched.at(-1)).toBe("Delete Succeeded");
    const gone = await client
      .get({ project: platform.project, uuid }, as(platform.tokens.viewer))
      .catch(ConnectError.from);
    expect(gone).toMatchObject({ code: 5 });
  });
});
