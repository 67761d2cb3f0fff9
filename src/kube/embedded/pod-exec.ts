import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Readable, Writable } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { Cluster } from "./cluster.js";
import type { ExecOptions, ExecStreams, TerminalSize } from "./extension.js";
import { asFields, asNumber } from "./fields.js";
import { checkContainer } from "./pod-logs.js";
import type { ResourcePath } from "./request-path.js";
import { badRequest, noSuchPath, notFound, StatusError } from "./status-error.js";
import type { Fields, KubeObject } from "./types.js";

const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;
const protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const largestMessage = 4 * 1024 * 1024;
const success: Fields = { metadata: {}, status: "Success" };

const sockets = new WebSocketServer({
  noServer: true,
  maxPayload: largestMessage,
  handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
});

/** A connection that wants to become a WebSocket. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Hears of commands that fail for another reason than a refusal. */
  readonly onError: (error: unknown) => void;
}

/** Opens an exec session; throws StatusError while the connection still speaks HTTP. */
export function openExec(cluster: Cluster, target: ResourcePath, query: URLSearchParams, upgrade: Upgrade): void {
  if (target.resource !== "pods" || target.group !== "" || target.subresource !== "exec") throw noSuchPath();
  const { name = "", namespace } = target;
  const pod = cluster.store.get({ group: "", resource: "pods", namespace, name });
  if (!pod) throw notFound({ group: "", resource: "pods" }, name);
  const options = execOptions(query);
  checkContainer(pod, options.container);
  const { headers } = upgrade.request;
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((entry) => entry.trim());
  if (headers.upgrade?.toLowerCase() !== "websocket" || !offered.some((entry) => protocols.includes(entry))) {
    throw badRequest(`unable to upgrade: a WebSocket with one of the protocols ${protocols.join(", ")} is required`);
  }
  sockets.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (socket) => {
    runSession(cluster, pod, options, socket, upgrade.onError).catch(() => socket.terminate());
  });
}

function execOptions(query: URLSearchParams): ExecOptions {
  const command = query.getAll("command");
  if (command.length === 0) throw badRequest("you must specify at least one command for the container");
  const on = (name: string) => ["true", "1"].includes(query.get(name) ?? "");
  return { command, container: query.get("container") || undefined, tty: on("tty"), stdin: on("stdin") };
}

async function runSession(
  cluster: Cluster,
  pod: KubeObject,
  options: ExecOptions,
  socket: WebSocket,
  onError: (error: unknown) => void,
): Promise<void> {
  const leaving = new AbortController();
  const end = () => leaving.abort();
  const stop = () => socket.close(1001);
  cluster.streams.add(stop);
  socket.on("close", end);
  socket.on("error", end);
  try {
    const streams = streamsOf(socket, leaving.signal);
    const status = await run(cluster, pod, options, streams, onError);
    // What was written comes before how it ended.
    await Promise.all([drained(streams.stdout), drained(streams.stderr)]);
    await send(socket, channels.status, Buffer.from(JSON.stringify(status)));
    socket.close(1000);
  } finally {
    cluster.streams.delete(stop);
  }
}

async function run(
  cluster: Cluster,
  pod: KubeObject,
  options: ExecOptions,
  streams: ExecStreams,
  onError: (error: unknown) => void,
): Promise<Fields> {
  const exec = cluster.extensions.find(({ pods }) => pods?.exec)?.pods?.exec;
  if (!exec) {
    const message = `pod ${pod.metadata.name} has no processes here: this server does not run containers`;
    return { ...new StatusError(501, "NotImplemented", message).body() };
  }
  try {
    const code = await exec(pod, options, streams, { cluster: cluster.name, store: cluster.store });
    if (code === 0) return success;
    const message = `command terminated with non-zero exit code: exit status ${code}`;
    const details = { causes: [{ reason: "ExitCode", message: String(code) }] };
    return { ...new StatusError(500, "NonZeroExitCode", message, details).body(), code: undefined };
  } catch (error) {
    if (error instanceof StatusError) return { ...error.body() };
    onError(error);
    return { ...new StatusError(500, "InternalError", "the command could not be run").body() };
  }
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.once("close", resolve);
    stream.end(resolve);
  });
}

function streamsOf(socket: WebSocket, signal: AbortSignal): ExecStreams {
  // The connection rests while nobody reads stdin.
  const stdin = new Readable({ read: () => socket.resume() });
  let isOpen = true;
  let terminal: TerminalSize | undefined;
  const closeStdin = () => {
    if (isOpen) stdin.push(null);
    isOpen = false;
  };
  socket.on("message", (data: RawData) => {
    const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    const [channel] = message;
    if (channel === channels.stdin && isOpen && !stdin.push(message.subarray(1))) socket.pause();
    if (channel === channels.resize) terminal = sizeOf(message.subarray(1)) ?? terminal;
    if (channel === channels.close && message[1] === channels.stdin) closeStdin();
  });
  signal.addEventListener("abort", closeStdin, { once: true });
  const stdout = outputOf(socket, channels.stdout);
  const stderr = outputOf(socket, channels.stderr);
  // A caller who leaves is told by the signal; a late write must not end the process.
  for (const stream of [stdin, stdout, stderr]) stream.on("error", () => undefined);
  return { stdin, stdout, stderr, signal, terminal: () => terminal };
}

/** The size that a message tells; undefined when it cannot be read. */
function sizeOf(message: Buffer): TerminalSize | undefined {
  try {
    const { Width, Height } = asFields(JSON.parse(message.toString()));
    return { rows: asNumber(Height), columns: asNumber(Width) };
  } catch {
    return undefined;
  }
}

function outputOf(socket: WebSocket, channel: number): Writable {
  return new Writable({
    write: (chunk: Buffer, _, done) => void send(socket, channel, chunk).then(() => done(), done),
  });
}

function send(socket: WebSocket, channel: number, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const message = Buffer.concat([Buffer.from([channel]), data]);
    socket.send(message, (error) => (error ? reject(error) : resolve()));
  });
}
