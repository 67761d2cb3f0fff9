import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { BenchRun } from "./measure.js";
import { within } from "./processes.js";

/** What a process holds after its garbage was collected. */
export interface Held {
  /** Heap, and what lies outside of it, in bytes. */
  readonly heap: number;
  readonly external: number;
  readonly rss: number;
  /** Timers, sockets, requests to the system and such, that are open. */
  readonly resources: number;
}

/** Looks into a process that runs with --inspect=127.0.0.1:0, over the address that it has written into its log. */
export async function openInspector(run: BenchRun, logFile: string): Promise<{ held(): Promise<Held> }> {
  const url = /Debugger listening on (ws:\S+)/.exec(await readFile(logFile, "utf8"))?.[1];
  if (url === undefined) throw new Error(`${logFile} names no inspector`);
  const socket = new WebSocket(url);
  run.onEnd(() => socket.terminate());
  const waiting = new Map<number, (result: { result?: { value?: unknown } }) => void>();
  socket.on("message", (data) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result: object };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  await within(5_000, "the inspector", new Promise((resolve) => socket.once("open", resolve)));
  let lastId = 0;
  const ask = (method: string, params: object = {}): Promise<{ result?: { value?: unknown } }> => {
    lastId += 1;
    const id = lastId;
    socket.send(JSON.stringify({ id, method, params }));
    return within(30_000, method, new Promise((resolve) => waiting.set(id, resolve)));
  };
  return {
    async held() {
      // What has ended by now lets go of things in its last callbacks, and those of other things in theirs.
      for (let turn = 0; turn < 3; turn++) {
        await ask("HeapProfiler.collectGarbage");
        await sleep(200);
      }
      const { result } = await ask("Runtime.evaluate", { expression, returnByValue: true });
      return result?.value as Held;
    },
  };
}

const expression = `(() => {
  const { heapUsed: heap, external, rss } = process.memoryUsage();
  return { heap, external, rss, resources: process.getActiveResourcesInfo().length };
})()`;
