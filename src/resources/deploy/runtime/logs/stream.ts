import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RuntimeServiceStreamLogsRequest,
  RuntimeServiceStreamLogsResponseSchema,
} from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { DomainError } from "../../../../errors.js";
import { openGate } from "../../../../gate.js";
import type { Platform } from "../../../../platform.js";
import { projectStore } from "../../../api/project/store.js";
import { deploymentStore } from "../../deployment/store.js";
import { settingsOf } from "../../settings/store.js";
import { followLogs } from "./follow-logs.js";
import type { LogHub } from "./hub.js";
import { type LogInstance, listInstances } from "./instances.js";
import { padded, timestampOf } from "./lines.js";
import { createLineQueue, firstOf, inOrder, type OwnedLine } from "./merge.js";
import { type PodPlace, podPlace, targetFailure } from "./place.js";
import { read } from "./pod-log.js";
import { type LogSelection, selectionOf } from "./selection.js";

type Answer = MessageInitShape<typeof RuntimeServiceStreamLogsResponseSchema>;

/** Logs of one request that are read at once, when they are not followed. */
const readAtOnce = 5;
const mostInstances = 100;
/** Of all of them together, and of one. */
const mostBytes = 16 * 1024 * 1024;
const mostBytesOfOne = 8 * 1024 * 1024;

/** Streams the logs of a deployment. */
export async function* streamLogs(
  platform: Platform,
  hub: LogHub,
  request: RuntimeServiceStreamLogsRequest,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<Answer, void, undefined> {
  const place = await podPlace(platform, request);
  const project = await projectStore.get(platform.db, place.row.project);
  const { logs } = await settingsOf(platform.db, project?.tenant ?? "");
  const selection = selectionOf(request, logs.tail);
  try {
    if (request.follow && !request.previous) yield* followed(platform, hub, place, selection, signal);
    else yield* present(hub, place, selection, signal);
  } catch (error) {
    throw targetFailure(error);
  }
}

/** What is there now, of all instances together. */
async function* present(hub: LogHub, place: PodPlace, selection: LogSelection, signal: AbortSignal) {
  const { client, release } = hub.targets.hold(place.target);
  try {
    const instances = (await listInstances(client, place.selection, signal)).filter(selection.has);
    if (instances.length > mostInstances) {
      throw new DomainError("exhausted", `there are ${instances.length} instances: name ${mostInstances} at most`);
    }
    const gate = openGate(readAtOnce);
    const most = Math.min(mostBytesOfOne, Math.floor(mostBytes / Math.max(1, instances.length)));
    const lines = await Promise.all(
      instances.map(async (instance) => {
        const turn = await gate.enter(signal);
        try {
          return await linesOf(instance, most);
        } finally {
          turn();
        }
      }),
    );
    for (let all = inOrder(lines.flat()); all.length > 0; ) {
      const some = firstOf(all);
      yield answerOf(some, 0);
      all = all.slice(some.length);
    }
  } finally {
    release();
  }

  async function linesOf(instance: LogInstance, most: number): Promise<OwnedLine[]> {
    const container = selection.containerOf(instance);
    if (container === undefined) return [];
    const pod = { namespace: place.selection.namespace, name: instance.name };
    const { uid, name, process } = instance;
    const { lines, isCut } = await read(client, { pod, uid, container }, selection.part, signal, most);
    const own = selection.cut(lines).map((line) => ({ ...line, instance: name, process }));
    const at = padded(new Date().toISOString()) ?? "";
    const text = `the log of ${name} is longer than ${most} bytes: ask for fewer instances, a smaller tail, or a later time`;
    return isCut ? [...own, { at, text, instance: "", process }] : own;
  }
}

/** What is there and what comes, until the signal aborts or the deployment is deleted. */
async function* followed(
  platform: Platform,
  hub: LogHub,
  place: PodPlace,
  selection: LogSelection,
  signal: AbortSignal,
): AsyncGenerator<Answer, void, undefined> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const queue = createLineQueue(ending.signal);
  let stop = (): void => undefined;
  const unsubscribe = platform.feed.subscribe("deployment", (batch) => {
    if (batch !== "resync" && !batch.some(({ key }) => key === place.row.id)) return;
    const { project, environment, id } = place.row;
    void deploymentStore
      .get(platform.db, { project, environment, id })
      .then((row) => (row === undefined ? queue.end() : undefined))
      // The next change asks again.
      .catch(() => undefined);
  });
  try {
    stop = followLogs({ hub, place, selection, queue, signal: ending.signal });
    for (let next = await queue.take(); next !== undefined; next = await queue.take()) {
      yield answerOf(next.lines, next.dropped);
    }
  } finally {
    signal.removeEventListener("abort", end);
    end();
    unsubscribe();
    stop();
  }
}

function answerOf(lines: readonly OwnedLine[], dropped: number): Answer {
  return {
    lines: lines.map(({ at, instance, process, text }, index) => ({
      time: timestampOf(at),
      instance,
      process,
      text,
      dropped: index === 0 ? BigInt(dropped) : 0n,
    })),
  };
}
