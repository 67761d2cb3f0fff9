import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { stubKubeconfig } from "../../kube/stub-server.js";

/** A request into a cluster. */
export interface InsideRequest {
  readonly method: string;
  readonly path: string;
  readonly isWatch: boolean;
  /** The number of the kubeconfig that it comes with. */
  readonly access: string;
}

/** Answers a request into a cluster itself, or lets it through by answering false. */
export type Meddler = (request: InsideRequest, response: ServerResponse) => boolean | Promise<boolean>;

/** How long the platform wants access to follow a cluster, and for one change; what tenants get is left as it is. */
const following = 86_400;
const ours: ReadonlySet<number> = new Set([following, 600]);

/** A proxy before the embedded Kubernetes: what the platform does inside of clusters goes through it too. */
export async function openInsideProxy() {
  const open = new Set<ServerResponse>();
  const issued: string[] = [];
  let forward: Forward = () => Promise.reject(new Error("not rerouted yet"));
  let meddler: Meddler = () => false;
  let issue: (() => Promise<string>) | undefined;
  let count = 0;
  let url = "";
  const server = createServer((incoming, response) => {
    response.on("error", () => undefined);
    open.add(response);
    response.on("close", () => open.delete(response));
    void serve(incoming, response).catch(() => response.destroy());
  });
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, access = "", rest = incoming.url ?? "/"] = /^\/issued\/(\d+)(\/.*)$/.exec(incoming.url ?? "/") ?? [];
    incoming.url = rest;
    const { pathname, searchParams } = new URL(rest, url);
    const isWatch = searchParams.get("watch") === "true";
    const one = { method: incoming.method ?? "", path: pathname, isWatch, access };
    if (access !== "" && (await meddler(one, response))) return;
    const answer = await forward(incoming);
    response.on("close", () => answer.destroy());
    if (!pathname.endsWith("/adminkubeconfig")) {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      return;
    }
    const body = JSON.parse(await textOf(answer));
    if (ours.has(body.spec.expirationSeconds))
      body.status.kubeconfig = Buffer.from(await viaProxy(body)).toString("base64");
    response.writeHead(answer.statusCode ?? 502, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  /** The kubeconfig of a cluster with a server of ours, whose path tells which kubeconfig it is. */
  const viaProxy = async ({ spec, status }: Issued): Promise<string> => {
    const config = read(Buffer.from(status.kubeconfig, "base64").toString());
    const path = new URL(config.getCurrentCluster()?.server ?? "").pathname;
    const number = String(++count);
    if (spec.expirationSeconds === following) issued.push(number);
    const { certData, keyData } = (issue === undefined ? config : read(await issue())).getCurrentUser() ?? {};
    const ours = JSON.parse(stubKubeconfig(`${url}/issued/${number}${path}`));
    // Backends demand a certificate; without TLS nobody but they and who holds it look at it.
    ours.users[0].user = { "client-certificate-data": certData, "client-key-data": keyData };
    return JSON.stringify(ours);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let upstream: ReturnType<typeof upstreamOf> | undefined;
  return {
    /** For `startPlatform`. */
    async reroute(kubeconfig: string): Promise<string> {
      upstream = upstreamOf(kubeconfig);
      forward = upstream.forward;
      return stubKubeconfig(url);
    },
    /** Kubeconfigs for following that were issued, in order, by their numbers. */
    issued: issued as readonly string[],
    meddle(next: Meddler): void {
      meddler = next;
    },
    /** Lets requests into clusters through again. */
    leave(): void {
      meddler = () => false;
    },
    /** Where certificates come from; from the backend unless given. */
    issueBy(next: (() => Promise<string>) | undefined): void {
      issue = next;
    },
    /** Breaks all open connections. */
    breakAll(): void {
      for (const response of open) response.destroy();
    },
    close(): Promise<void> {
      upstream?.close();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
export type InsideProxy = Awaited<ReturnType<typeof openInsideProxy>>;

interface Issued {
  readonly spec: { readonly expirationSeconds: number };
  readonly status: { readonly kubeconfig: string };
}

function read(kubeconfig: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config;
}

type Forward = (incoming: IncomingMessage) => Promise<IncomingMessage>;

function upstreamOf(kubeconfig: string): { forward: Forward; close(): void } {
  const config = read(kubeconfig);
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  const pem = (data: string | undefined) => Buffer.from(data ?? "", "base64");
  const tls = { ca: pem(cluster?.caData), cert: pem(user?.certData), key: pem(user?.keyData) };
  const agent = new Agent({ ...tls, keepAlive: true });
  const base = new URL(cluster?.server ?? "");
  return {
    close: () => agent.destroy(),
    forward: (incoming) =>
      new Promise((resolve, reject) => {
        const { method, url = "/" } = incoming;
        const options = { method, headers: { ...incoming.headers, host: base.host }, agent };
        const outgoing = httpsRequest(new URL(url, base), options, resolve);
        outgoing.on("error", reject);
        incoming.pipe(outgoing);
      }),
  };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
