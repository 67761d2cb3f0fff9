import type { RawData, WebSocket } from "ws";
import { isRecord } from "../record.js";
import { KubeError, statusError } from "./errors.js";

/** What to run in a container. */
export interface ExecOptions {
  readonly command: readonly string[];
  /** The first container unless given. */
  readonly container?: string | undefined;
  /** Whether it gets input. */
  readonly stdin: boolean;
  /** Whether it gets a terminal: then what it writes to stderr comes as stdout. */
  readonly tty: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What a command writes, and how it ends. */
export type ExecOutput =
  | { readonly type: "stdout" | "stderr"; readonly data: Buffer }
  | { readonly type: "exit"; readonly code: number };

/** A command that runs in a container. */
export interface ExecSession {
  /**
   * What it writes, in the order in which it comes; the exit is the last. Nothing more is taken from the connection
   * while it is not read. Throws KubeError when the command could not be run, or the connection broke.
   */
  readonly output: AsyncIterable<ExecOutput>;
  /** Resolves when the input is on its way. */
  write(input: Uint8Array): Promise<void>;
  /** No more input comes. Servers that speak version 4 of the protocol only are not told. */
  endInput(): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  close(): void;
}

/** The protocols of the channels, best first. */
export const execProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/** The longest message that is taken. */
export const longestMessage = 4 * 1024 * 1024;

const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;
/** What waits to be read before the connection rests. */
const mostWaiting = 256 * 1024;

/** Speaks the channel protocol over a WebSocket that is open. */
export function openSession(socket: WebSocket, signal: AbortSignal): ExecSession {
  const send = (channel: number, data: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(Buffer.concat([Buffer.from([channel]), data]), (error) =>
        error ? reject(broken(error)) : resolve(),
      );
    });
  const close = (): void => socket.terminate();
  signal.addEventListener("abort", close, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", close));
  if (signal.aborted) close();
  return {
    output: outputOf(socket, signal),
    write: (input) => send(channels.stdin, input),
    endInput: async () => {
      if (socket.protocol === execProtocols[0]) await send(channels.close, Buffer.from([channels.stdin]));
    },
    resize: (columns, rows) => send(channels.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows }))),
    close,
  };
}

async function* outputOf(socket: WebSocket, signal: AbortSignal): AsyncGenerator<ExecOutput, void, undefined> {
  const waiting = listen(socket);
  try {
    for (;;) {
      const next = await waiting.next();
      signal.throwIfAborted();
      if (next === undefined) throw broken(waiting.error());
      const [channel] = next;
      const data = next.subarray(1);
      if (channel === channels.stdout && data.length > 0) yield { type: "stdout", data };
      if (channel === channels.stderr && data.length > 0) yield { type: "stderr", data };
      if (channel === channels.status) {
        yield { type: "exit", code: exitCode(data.toString("utf8")) };
        return;
      }
    }
  } finally {
    socket.terminate();
  }
}

/** The messages of a connection, one after the other; it rests while too many wait. */
function listen(socket: WebSocket) {
  const queue: Buffer[] = [];
  let bytes = 0;
  let error: Error | undefined;
  let isOpen = socket.readyState !== socket.CLOSED;
  let wake = (): void => undefined;
  socket.on("message", (data: RawData) => {
    const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    queue.push(message);
    bytes += message.length;
    if (bytes > mostWaiting) socket.pause();
    wake();
  });
  socket.on("error", (cause) => {
    error = cause;
  });
  socket.on("close", () => {
    isOpen = false;
    wake();
  });
  return {
    error: () => error,
    /** Undefined when the connection has ended. */
    async next(): Promise<Buffer | undefined> {
      if (bytes <= mostWaiting && isOpen) socket.resume();
      while (queue.length === 0 && isOpen) await new Promise<void>((resolve) => (wake = resolve));
      const message = queue.shift();
      bytes -= message?.length ?? 0;
      return message;
    },
  };
}

/** The exit code that a Status tells; throws the refusal that it tells instead. */
function exitCode(text: string): number {
  const status: unknown = parsed(text);
  if (!isRecord(status)) throw new KubeError("malformed", "the answer does not say how the command ended");
  if (status.status === "Success") return 0;
  const causes = isRecord(status.details) && Array.isArray(status.details.causes) ? status.details.causes : [];
  const code = causes.filter(isRecord).find(({ reason }) => reason === "ExitCode")?.message;
  if (typeof code === "string" && /^\d{1,3}$/.test(code)) return Number(code);
  throw statusError(typeof status.code === "number" ? status.code : 500, text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function broken(cause: Error | undefined): KubeError {
  return new KubeError("unreachable", "the connection to the container broke", { cause });
}
