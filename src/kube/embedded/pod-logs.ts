import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { flag, numberParameter, type ResourceCall, refOf } from "./call.js";
import type { LogOptions, PodHandlers } from "./extension.js";
import { asList, asText } from "./fields.js";
import { badRequest, notFound } from "./status-error.js";
import type { KubeObject } from "./types.js";

/** GET of a pod's log: text, as the first extension with a log handler supplies it; else an empty text. */
export async function streamLogs(call: ResourceCall): Promise<void> {
  const pod = call.cluster.store.get(refOf(call));
  if (!pod) throw notFound(call.type, call.target.name ?? "");
  const leaving = new AbortController();
  const options = logOptions(call, leaving.signal);
  checkContainer(pod, options.container);
  const { response } = call;
  const end = () => leaving.abort();
  response.on("close", end);
  call.cluster.streams.add(end);
  try {
    const pieces = handlersOf(call)?.(pod, options, { cluster: call.cluster.name, store: call.cluster.store });
    response.writeHead(200, { "content-type": "text/plain" });
    response.flushHeaders();
    for await (const piece of pieces ?? []) {
      if (leaving.signal.aborted) break;
      if (!response.write(piece)) await drained(response, leaving.signal);
    }
    response.end();
  } finally {
    call.cluster.streams.delete(end);
  }
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, "drain", { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function handlersOf(call: ResourceCall): PodHandlers["logs"] {
  return call.cluster.extensions.find(({ pods }) => pods?.logs)?.pods?.logs;
}

function logOptions(call: ResourceCall, signal: AbortSignal): LogOptions {
  const { query } = call;
  const sinceTime = query.get("sinceTime");
  const since = sinceTime ? new Date(sinceTime) : undefined;
  if (since && Number.isNaN(since.getTime())) throw badRequest(`invalid value for sinceTime: ${sinceTime}`);
  return {
    container: query.get("container") || undefined,
    follow: flag(query, "follow"),
    previous: flag(query, "previous"),
    timestamps: flag(query, "timestamps"),
    tailLines: numberParameter(query, "tailLines"),
    sinceSeconds: numberParameter(query, "sinceSeconds"),
    limitBytes: numberParameter(query, "limitBytes"),
    sinceTime: since,
    signal,
  };
}

/** Throws a 400 when a pod has no such container, or several and none is named. */
export function checkContainer(pod: KubeObject, container: string | undefined): void {
  const { name } = pod.metadata;
  const first = asList(pod.spec?.containers).map((entry) => asText(entry.name));
  const all = [...first, ...asList(pod.spec?.initContainers).map((entry) => asText(entry.name))];
  if (container === undefined) {
    if (first.length < 2) return;
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${first.join(" ")}]`);
  }
  if (!all.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
}
