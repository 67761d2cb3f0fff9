// A server in a process of its own, which says how much it holds; started by attack.ts.
import { once } from "node:events";
import { connect, createServer } from "node:http2";
import { type AddressInfo, Socket } from "node:net";
import { queryObjects } from "node:v8";
import type { ListenOptions } from "../../../src/rpc/listen.js";
import type { HandlerLimits } from "../../../src/rpc/server.js";
import { startServer } from "../../rpc/support/server.js";

/** What an attacked server is made with. */
export interface AttackedOptions {
  readonly listen?: Partial<ListenOptions>;
  readonly limits?: Partial<HandlerLimits>;
}

/** What a server process holds, after its garbage was collected. */
export interface Held {
  /** Resident memory, in bytes. */
  readonly rss: number;
  /** Heap and memory outside of it, in bytes. */
  readonly heap: number;
  /** Living objects. */
  readonly sockets: number;
  readonly timers: number;
  readonly sessions: number;
  readonly streams: number;
  /** Watches that were opened, and those of them that were cancelled. */
  readonly watches: number;
  readonly cancelled: number;
  /** Handlers that ran. */
  readonly ran: number;
}

type Class = Parameters<typeof queryObjects>[0];

/** Node exports no classes of sessions and streams: they are taken from a pair of them. */
async function http2Classes(): Promise<{ session: Class; stream: Class }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.request().on("error", () => {});
  const [stream] = await once(server, "stream");
  const classes = { session: stream.session.constructor, stream: stream.constructor };
  client.destroy();
  server.close();
  await once(server, "close");
  return classes;
}

const count = (of: Class): number => Number(queryObjects(of, { format: "count" }));
const classes = await http2Classes();
const timer = setTimeout(() => {}, 0);
const { listen, limits = {} } = JSON.parse(process.argv[2] ?? "{}") as AttackedOptions;
const server = await startServer({ limits }, listen);

const seen = { watches: 0, cancelled: 0, ran: 0 };

/** Counts what the server of the tests keeps, which a real one writes or forgets, and lets go of it. */
function forget(): void {
  const { watches, ran } = server.script;
  seen.ran += ran.splice(0).length;
  for (const signal of watches.splice(0)) {
    if (signal.aborted) seen.cancelled += 1;
    else watches.push(signal);
  }
  seen.watches = seen.cancelled + watches.length;
  server.lines.length = 0;
  server.audits.length = 0;
}

function held(): Held {
  forget();
  global.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    ...seen,
    rss,
    heap: heapUsed + external,
    sockets: count(Socket),
    timers: count(timer.constructor as Class),
    sessions: count(classes.session),
    streams: count(classes.stream),
  };
}

// Often: what they hold counts, too.
setInterval(forget, 100).unref();
process.on("message", () => process.send?.(held()));
process.once("disconnect", () => process.exit(0));
process.send?.(server.port);
