import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { openAuthority } from "../../../../src/kube/embedded/authority.js";
import { sendStatus } from "../../../kube/stub-server.js";

/** A request to a target. */
export interface TargetRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly token: string;
}

/** Answers a request itself, or lets it through by answering false. */
export type Meddler = (request: TargetRequest, response: ServerResponse) => boolean | Promise<boolean>;

const goodToken = "the-token-of-the-target";

/** A foreign cluster: TLS with an authority of its own, tokens, and an embedded Kubernetes behind it. */
export async function openTargetProxy(upstreamKubeconfig: string) {
  const authority = await openAuthority(undefined, () => new Date());
  const { certificate, key } = await authority.issueServer(["127.0.0.1", "localhost"]);
  const upstream = upstreamOf(upstreamKubeconfig);
  const seen: TargetRequest[] = [];
  const tokens = new Set([goodToken]);
  let meddler: Meddler = () => false;
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const token = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? "")?.[1] ?? "";
    const one = { method: incoming.method ?? "", path: incoming.url ?? "/", token };
    seen.push(one);
    if (await meddler(one, response)) return;
    if (!tokens.has(token)) return sendStatus(response, 401, "Unauthorized");
    const answer = await upstream.forward(incoming);
    response.on("close", () => answer.destroy());
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  };
  const server = createServer({ cert: certificate, key }, (incoming, response) => {
    response.on("error", () => undefined);
    void serve(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `https://127.0.0.1:${port}`;
  return {
    url,
    port,
    authority: authority.certificate,
    seen,
    /** Tokens that it accepts. */
    tokens,
    token: goodToken,
    kubeconfig: (changes: KubeconfigChanges = {}) => foreignKubeconfig(url, authority.certificate, changes),
    meddle(next: Meddler): void {
      meddler = next;
    },
    leave(): void {
      meddler = () => false;
    },
    close(): Promise<void> {
      upstream.close();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
export type TargetProxy = Awaited<ReturnType<typeof openTargetProxy>>;

export interface KubeconfigChanges {
  readonly server?: string;
  readonly token?: string;
  readonly cluster?: object;
  readonly user?: object;
  readonly config?: object;
}

/** A kubeconfig with a token, with parts of it changed. */
export function foreignKubeconfig(
  url: string,
  authority: string,
  { server = url, token = goodToken, cluster, user, config }: KubeconfigChanges = {},
): string {
  const trust = { "certificate-authority-data": Buffer.from(authority).toString("base64") };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "far", cluster: { server, ...trust, ...cluster } }],
    users: [{ name: "me", user: { token, ...user } }],
    contexts: [{ name: "here", context: { cluster: "far", user: "me" } }],
    "current-context": "here",
    ...config,
  });
}

function upstreamOf(kubeconfig: string) {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  const pem = (data: string | undefined) => Buffer.from(data ?? "", "base64");
  const tls = { ca: pem(cluster?.caData), cert: pem(user?.certData), key: pem(user?.keyData) };
  const agent = new Agent({ ...tls, keepAlive: true });
  const base = new URL(cluster?.server ?? "");
  return {
    close: () => agent.destroy(),
    forward: (incoming: IncomingMessage) =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const { method, url = "/" } = incoming;
        const { authorization: _, ...others } = incoming.headers;
        const options = { method, headers: { ...others, host: base.host }, agent };
        const outgoing = httpsRequest(new URL(url, base), options, resolve);
        outgoing.on("error", reject);
        incoming.pipe(outgoing);
      }),
  };
}
