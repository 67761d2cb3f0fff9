import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { ApiException, KubeConfig, type V1Status } from "@kubernetes/client-node";
import type { EmbeddedKube, EmbeddedKubeOptions } from "../../../src/kube/embedded/embedded-kube.js";
import { startEmbeddedKube } from "../../../src/kube/embedded/server.js";

/** What a request came back with. */
export interface Answer {
  readonly code: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of any shape.
  readonly json: any;
}

export interface SendOptions {
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Record<string, string>;
  /** Sends this instead of the admin's certificate; "none" sends no certificate. */
  readonly kubeconfig?: string;
}

/** A server with errors that fail loudly, and a way to speak to it without any client library. */
export interface TestKube extends EmbeddedKube {
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  /** Opens a streaming response. */
  open(path: string, options?: SendOptions): Promise<IncomingMessage>;
}

export async function startKube(options: EmbeddedKubeOptions = {}): Promise<TestKube> {
  const log = {
    error: (fields: object, message: string) => console.error(message, fields),
    warn: (fields: object, message: string) => console.warn(message, fields),
  };
  const kube = await startEmbeddedKube({ log, ...options });
  const agents = new Map<string, Agent>();
  const open = (method: string, path: string, options: SendOptions) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const config = options.kubeconfig ?? kube.adminKubeconfig;
      const agent = agents.get(config) ?? agentFor(config, kube.adminKubeconfig);
      agents.set(config, agent);
      const { body } = options;
      const data =
        body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const headers = {
        ...(options.accept === undefined ? {} : { accept: options.accept }),
        ...(data === undefined
          ? {}
          : { "content-type": options.type ?? "application/json", "content-length": Buffer.byteLength(data) }),
        ...options.headers,
      };
      const request = httpsRequest(new URL(kube.url + path), { method, agent, headers }, resolve);
      request.on("error", reject);
      request.end(data);
    });
  return {
    ...kube,
    open: (path, options = {}) => open("GET", path, options),
    async send(method, path, options = {}) {
      const response = await open(method, path, options);
      const text = await textOf(response);
      const isJson = (response.headers["content-type"] ?? "").startsWith("application/json");
      return {
        code: response.statusCode ?? 0,
        headers: response.headers,
        text,
        json: isJson && text !== "" ? JSON.parse(text) : undefined,
      };
    },
    async close() {
      await kube.close();
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

function agentFor(kubeconfig: string, admin: string): Agent {
  const decoded = (data: string | undefined) => Buffer.from(data ?? "", "base64");
  // Of a foreign kubeconfig, only the certificate counts: the server is to be reached all the same.
  const ca = decoded(read(admin).getCurrentCluster()?.caData);
  if (kubeconfig === "none") return new Agent({ ca, keepAlive: true });
  const user = read(kubeconfig).getCurrentUser();
  return new Agent({ ca, cert: decoded(user?.certData), key: decoded(user?.keyData), keepAlive: true });
}

function read(kubeconfig: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** What the server says to a call of client-node that it refuses. */
export async function statusOf(call: Promise<unknown>): Promise<V1Status> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiException)) throw new Error(`expected a refusal, got ${String(error)}`);
  return JSON.parse(String(error.body)) as V1Status;
}

/** The lines of a watch as they come. */
// biome-ignore lint/suspicious/noExplicitAny: events carry objects of any kind.
export async function* linesOf(response: IncomingMessage): AsyncGenerator<any> {
  let rest = "";
  for await (const chunk of response) {
    rest += String(chunk);
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}

/** The next so many lines of a watch. */
// biome-ignore lint/suspicious/noExplicitAny: events carry objects of any kind.
export async function take(lines: AsyncGenerator<any>, count: number): Promise<any[]> {
  const taken = [];
  while (taken.length < count) {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the watch ended after ${taken.length} of ${count} events`);
    taken.push(value);
  }
  return taken;
}

export const configMaps = "/api/v1/namespaces/default/configmaps";

export function configMap(name: string, extra: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...extra };
}

/** A definition of namespaced widgets with all subresources. */
export const widgetDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.org" },
  spec: {
    group: "example.org",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", shortNames: ["wd"] },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
        },
        additionalPrinterColumns: [
          { name: "Size", type: "integer", jsonPath: ".spec.size" },
          { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  size: { type: "integer", description: "How large the widget is." },
                  parts: {
                    type: "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["id"],
                    items: { type: "object", properties: { id: { type: "string" }, weight: { type: "integer" } } },
                  },
                },
              },
            },
          },
        },
      },
      { name: "v1beta1", served: true, storage: false, schema: { openAPIV3Schema: { type: "object" } } },
    ],
  },
};

export const widgets = "/apis/example.org/v1/namespaces/default/widgets";

/** Waits until a check holds; the test's own timeout bounds it. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 10));
}
