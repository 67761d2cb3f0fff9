import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent, request } from "node:https";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { sendJson, sendStatus, stubKubeconfig } from "../stub-server.js";

/** What an API server does wrong: an error status, no answer at all, or a watch that has forgotten its position. */
export type Fault = 429 | 500 | "hang" | "gone";

/** A proxy before an API server that spoils answers as long as a test wants. */
export async function openFaultyProxy(adminKubeconfig: string) {
  const upstream = upstreamOf(adminKubeconfig);
  const watches = new Set<ServerResponse>();
  let fault: Fault | undefined;
  let met = 0;
  const server = createServer((incoming, response) => {
    const isWatch = new URL(incoming.url ?? "/", "http://proxy").searchParams.get("watch") === "true";
    if (isWatch) {
      watches.add(response);
      response.on("close", () => watches.delete(response));
    }
    if (fault === undefined || (fault === "gone" && !isWatch)) return upstream.forward(incoming, response);
    met += 1;
    spoil(fault, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    kubeconfig: stubKubeconfig(`http://127.0.0.1:${port}`),
    /** Requests that met a fault since it began. */
    met: () => met,
    begin(next: Fault) {
      met = 0;
      fault = next;
    },
    end() {
      fault = undefined;
    },
    /** Breaks the connections of all open watches. */
    dropWatches() {
      for (const watch of watches) watch.destroy();
    },
    close() {
      upstream.close();
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function spoil(fault: Fault, response: ServerResponse): void {
  if (fault === "hang") return;
  if (fault === "gone") {
    const object = { kind: "Status", status: "Failure", code: 410, reason: "Expired", message: "too old" };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(`${JSON.stringify({ type: "ERROR", object })}\n`);
    return;
  }
  if (fault === 429) sendStatus(response, 429, "TooManyRequests", { "retry-after": "60" });
  else sendJson(response, fault, { kind: "Status", code: fault, reason: "InternalError", message: "it is broken" });
}

function upstreamOf(kubeconfig: string) {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  const pem = (data: string | undefined) => Buffer.from(data ?? "", "base64");
  const agent = new Agent({
    ca: pem(cluster?.caData),
    cert: pem(user?.certData),
    key: pem(user?.keyData),
    keepAlive: true,
  });
  const base = new URL(cluster?.server ?? "");
  return {
    close: () => agent.destroy(),
    forward(incoming: IncomingMessage, response: ServerResponse): void {
      const { method, headers, url = "/" } = incoming;
      const outgoing = request(
        new URL(url, base),
        { method, headers: { ...headers, host: base.host }, agent },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          // A watch without events has no body to send them with.
          response.flushHeaders();
          answer.pipe(response);
        },
      );
      outgoing.on("error", () => response.destroy());
      response.on("close", () => outgoing.destroy());
      incoming.pipe(outgoing);
    },
  };
}
