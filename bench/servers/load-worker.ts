// A client that makes calls when it is told to.

import type { Target } from "../call.js";
import { openCaller } from "../call.js";
import { openRawGrpc } from "../raw-grpc.js";
import { answer, given, ready } from "./ipc.js";

interface Given {
  readonly target: Omit<Target, "message"> & { readonly message: string; readonly counted?: string };
  readonly answerBytes?: number;
  readonly callers: number;
  readonly connections: number;
  readonly worker: number;
  readonly processes: number;
}

const { target, answerBytes, callers, connections, worker, processes } = given<Given>();
const message = Buffer.from(target.message, "base64");
const call = openCalls();
const at = target.counted === undefined ? -1 : message.indexOf(target.counted);
/** Where the next text is counted from: each worker has numbers of its own. */
let next = worker;

/** Makes calls on all connections in turn; answers the sizes of their answers. */
function openCalls(): (message: Uint8Array) => Promise<number> {
  if (target.protocol !== "grpc") {
    const caller = openCaller({ ...target, message }, connections);
    return async (each) => (await caller.call(each)).length;
  }
  const open = Array.from({ length: connections }, () => openRawGrpc({ ...target, message }));
  let turn = 0;
  return (each) => {
    turn = (turn + 1) % open.length;
    return open[turn]!.call(each);
  };
}

function nextMessage(): Buffer {
  if (target.counted === undefined) return message;
  const copy = Buffer.from(message);
  copy.write(String(next).padStart(target.counted.length - 1, "0"), at + 1);
  next += processes;
  return copy;
}

answer(async ({ calls }: { calls: number }) => {
  const began = performance.now();
  let left = calls;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      const length = await call(nextMessage());
      if (answerBytes !== undefined && length !== answerBytes) throw new Error(`an answer has ${length} bytes`);
    }
  };
  await Promise.all(Array.from({ length: callers }, work));
  return (performance.now() - began) / 1_000;
});
ready("ready");
