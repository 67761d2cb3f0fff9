import { connect } from "node:http2";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { ClusterService } from "../gen/ts/api/v1/cluster_pb.js";
import { type Held, openInspector } from "./inspector.js";
import { type BenchRun, figure } from "./measure.js";
import { databasesOf, type Slipway, scratchFolder, startSlipway } from "./processes.js";

/** The first comparison is made when all code has run, and all caches are filled; times in ms. */
const fullLength = { warmMs: 60_000, totalMs: 600_000, everyMs: 60_000 };
const shortLength = { warmMs: 2_000, totalMs: 4_000, everyMs: 1_000 };

/** How much the heap may differ from one moment to another of the same load, in MB. */
const heapGrowthMb = 8;
const pauseMs = 10;

/** Something that a client does on and on; rejects only when the server did not answer as it should. */
type Act = (turn: number) => Promise<unknown>;

/** Ten minutes of mixed load, and what the process holds at rest after the first of them and after the last. */
export async function soak(run: BenchRun): Promise<void> {
  const length = run.short ? shortLength : fullLength;
  const folder = await scratchFolder(run);
  const databaseUrl = await databasesOf(run).at(-1)?.open();
  const slipway = await startSlipway(run, {
    dataDir: join(folder, "data"),
    databaseUrl,
    timeScale: 1_000,
    nodeArgs: ["--inspect=127.0.0.1:0"],
  });
  const inspector = await openInspector(run, join(folder, "log"));
  const load = startLoad(actsOf(run, slipway));
  run.onEnd(load.stop);
  const rest = async (): Promise<Held> => {
    await load.pause();
    const held = await inspector.held();
    console.error(
      `soak: ${JSON.stringify({ seconds: Math.round(performance.now() / 1000), ...held, calls: load.calls() })}`,
    );
    load.goOn();
    return held;
  };
  await sleep(length.warmMs);
  const first = await rest();
  let last = first;
  for (let ms = length.warmMs; ms < length.totalMs; ms += length.everyMs) {
    await sleep(length.everyMs);
    last = await rest();
  }
  await load.pause();
  run.report(figure("soak.calls", "calls", load.calls()));
  run.report(figure("soak.heap", "MB", last.heap / 1e6));
  run.report(figure("soak.heap-growth", "MB", (last.heap - first.heap) / 1e6, { below: heapGrowthMb }));
  run.report(figure("soak.external-growth", "MB", (last.external - first.external) / 1e6));
  run.report(figure("soak.rss-growth", "MB", (last.rss - first.rss) / 1e6));
  run.report(figure("soak.resources-growth", "resources", last.resources - first.resources, { below: 16 }));
}

function actsOf(run: BenchRun, { info }: Slipway): Act[] {
  const transports = [
    createGrpcTransport({ baseUrl: info.url }),
    createConnectTransport({ baseUrl: info.url, httpVersion: "1.1" }),
    createConnectTransport({ baseUrl: info.url, httpVersion: "2", useBinaryFormat: false }),
  ];
  const session = connect(info.url).on("error", () => {});
  run.onEnd(() => session.destroy());
  return [
    ...transports.flatMap((transport) => [
      ...reads(transport, info),
      watch(transport, info),
      badToken(transport, info),
    ]),
    ...transports.slice(0, 1).map((transport) => createAndDelete(transport, info)),
    malformedOverHttp1(info.url),
    () => malformedOverHttp2(session),
  ];
}

function reads(transport: Transport, { project, tokens }: Slipway["info"]): Act[] {
  const client = createClient(ClusterService, transport);
  const list = () => client.list({ project }, as(tokens.viewer));
  const get: Act = async () => {
    const uuid = (await list()).clusters[0]?.uuid;
    if (uuid !== undefined) await client.get({ project, uuid }, as(tokens.owner)).catch(onlyCode("not_found"));
  };
  return [get, list];
}

/** Opens a watch, reads what there is, and leaves it. */
function watch(transport: Transport, { project, tokens }: Slipway["info"]): Act {
  const client = createClient(ClusterService, transport);
  return async () => {
    const leave = new AbortController();
    const late = setTimeout(() => leave.abort(), 100);
    try {
      for await (const _ of client.watchStatus({ project }, { ...as(tokens.editor), signal: leave.signal })) {
        if (Math.random() < 0.1) break;
      }
    } catch (error) {
      if (!leave.signal.aborted) throw error;
    } finally {
      clearTimeout(late);
    }
  };
}

function createAndDelete(transport: Transport, { project, tokens }: Slipway["info"]): Act {
  const client = createClient(ClusterService, transport);
  return async (turn) => {
    const { cluster } = await client.create({ project, name: `soak-${turn}` }, as(tokens.owner));
    const uuid = cluster?.uuid ?? "";
    for await (const { status } of client.watchStatus({ project, uuid }, as(tokens.owner, 60_000))) {
      if (status?.state === "Succeeded") break;
    }
    await client.delete({ project, uuid }, as(tokens.owner)).catch(onlyCode("failed_precondition"));
    await sleep(250);
  };
}

function badToken(transport: Transport, { project }: Slipway["info"]): Act {
  const client = createClient(ClusterService, transport);
  return (turn) =>
    client.list({ project }, as(`not-a-token-${turn}`)).then(() => {
      throw new Error("a token that does not hold was taken");
    }, onlyCode("unauthenticated"));
}

/** Requests that are none, by turns. */
function malformedOverHttp1(url: string): Act {
  const path = `${url}/${ClusterService.typeName}/List`;
  const requests = [
    () => fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: "{" }),
    () => fetch(path, { method: "POST", headers: { "content-type": "application/proto" }, body: "\xff\xff" }),
    () => fetch(path, { method: "PUT", body: "x" }),
    () => fetch(`${path}/nowhere`),
  ];
  return async (turn) => {
    const response = await requests[turn % requests.length]?.();
    if (response === undefined || response.status < 400 || response.status >= 500)
      throw new Error(`answered ${response?.status}`);
    await response.arrayBuffer();
  };
}

/** A gRPC message that is cut short, and half of the time a call that is given up. */
async function malformedOverHttp2(session: ReturnType<typeof connect>): Promise<void> {
  const stream = session.request({
    ":method": "POST",
    ":path": `/${ClusterService.typeName}/Get`,
    "content-type": "application/grpc",
    te: "trailers",
  });
  const closed = new Promise<void>((resolve) => stream.once("close", resolve));
  stream.on("error", () => {}).resume();
  if (Math.random() < 0.5) stream.end(Buffer.from([0, 0, 0, 1, 0, 7]));
  else stream.close(8);
  await closed;
  // So that it is no flood, which would end the connection.
  await sleep(100);
}

/** Does everything at once, each again when it is done. */
function startLoad(acts: readonly Act[]) {
  let calls = 0;
  let state: "on" | "paused" | "stopped" = "on";
  let atRest = 0;
  const again = async (act: Act): Promise<void> => {
    for (let turn = 0; state !== "stopped"; turn++) {
      if (state === "on") {
        await act(turn);
        calls += 1;
        await sleep(pauseMs);
        continue;
      }
      atRest += 1;
      while (state === "paused") await sleep(pauseMs);
      atRest -= 1;
    }
  };
  const all = Promise.all(acts.map(again));
  return {
    calls: () => calls,
    /** Resolves when nothing is under way any more; rejects when something went wrong. */
    async pause(): Promise<void> {
      state = "paused";
      const rest = async () => {
        while (atRest < acts.length) await sleep(pauseMs);
      };
      await Promise.race([rest(), all]);
      await sleep(1_000);
    },
    goOn(): void {
      state = "on";
    },
    async stop(): Promise<void> {
      state = "stopped";
      await all.catch(() => {});
    },
  };
}

const as = (token: string, timeoutMs = 30_000) => ({ headers: { authorization: `Bearer ${token}` }, timeoutMs });

/** Takes errors with this code, and throws others. */
function onlyCode(code: string): (error: unknown) => void {
  return (error) => {
    if (!String(error).includes(`[${code}]`)) throw error;
  };
}
