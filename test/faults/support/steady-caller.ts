// A well-behaved client in a process of its own; started by attack.ts.
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { ClusterService } from "../../../gen/ts/api/v1/cluster_pb.js";
import { as, cluster, project } from "../../rpc/support/callers.js";

/** How a well-behaved client fared with each server since it was last asked. */
export interface Fared {
  readonly calls: number;
  /** Each kind once. */
  readonly failures: readonly string[];
  /** The time that all but one in a hundred calls stayed below, in ms. */
  readonly p99: number;
}

/** The calls to one server since the last question. */
interface Series {
  times: number[];
  failures: Set<string>;
}

async function callOnAndOn(name: string, transport: Transport, series: Series): Promise<never> {
  const client = createClient(ClusterService, transport);
  for (;;) {
    const began = performance.now();
    await client.get({ uuid: cluster, project }, { ...as("owner"), timeoutMs: 30_000 }).catch((error: unknown) => {
      series.failures.add(`${name}: ${error}`);
    });
    series.times.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function startCalls(baseUrl: string): Series {
  const series: Series = { times: [], failures: new Set() };
  const options = { baseUrl, nodeOptions: { rejectUnauthorized: false } };
  const transports = {
    gRPC: createGrpcTransport(options),
    "Connect over HTTP/2": createConnectTransport({ ...options, httpVersion: "2" }),
    "Connect over HTTP/1.1": createConnectTransport({ ...options, httpVersion: "1.1" }),
  };
  for (const [name, transport] of Object.entries(transports)) void callOnAndOn(name, transport, series);
  return series;
}

function take(series: Series): Fared {
  const sorted = series.times.toSorted((a, b) => a - b);
  const fared = {
    calls: sorted.length,
    failures: [...series.failures],
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
  };
  series.times = [];
  series.failures.clear();
  return fared;
}

const all = process.argv.slice(2).map(startCalls);
process.on("message", () => process.send?.(all.map(take)));
process.once("disconnect", () => process.exit(0));
process.send?.("calling");
