import { createHash } from "node:crypto";
import { timestamp } from "../lifecycle.js";
import type { KubeObject, ObjectRef, ObjectStore } from "../types.js";
import { events } from "./names.js";

/** What happened to an object. */
export interface Happening {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** Who says so, such as "kubelet". */
  readonly component: string;
  /** The part that it is about, such as "spec.containers{web}". */
  readonly fieldPath?: string;
  readonly host?: string;
}

/** Writes Events of the core group, in the background. */
export interface EventRecorder {
  /** The same again is counted, not written anew. Dropped when too many are waiting, as upstream. */
  record(object: KubeObject, happening: Happening): void;
  stop(): Promise<void>;
}

const longestQueue = 1000;
/** The oldest go when there are more. */
const mostEvents = 2000;

/** Makes the recorder of one cluster. */
export function createEventRecorder(store: ObjectStore, clock: () => Date): EventRecorder {
  const kept = new Map<string, ObjectRef>();
  for (const event of store.list(events)) kept.set(event.metadata.name, refOf(event));
  let waiting = 0;
  let stopped = false;
  let tail: Promise<unknown> = Promise.resolve();
  const write = async (object: KubeObject, happening: Happening): Promise<void> => {
    const name = nameOf(object, happening);
    const namespace = object.metadata.namespace ?? "default";
    const ref = { ...events, namespace, name };
    const at = timestamp(clock());
    const counted = await store.modify(ref, (draft) => {
      draft.count = Number(draft.count ?? 1) + 1;
      draft.lastTimestamp = at;
    });
    kept.delete(name);
    kept.set(name, ref);
    if (counted === undefined)
      await store.create(events, { metadata: { name, namespace }, ...body(object, happening, at) });
    for (const [oldest, old] of kept) {
      if (kept.size <= mostEvents) break;
      kept.delete(oldest);
      await store.delete(old);
    }
  };
  return {
    record(object, happening) {
      if (stopped || waiting >= longestQueue) return;
      waiting += 1;
      tail = tail
        .then(() => (stopped ? undefined : write(object, happening)))
        // Its namespace may be gone or the server stopping: nobody is to hear of it then.
        .catch(() => undefined)
        .finally(() => {
          waiting -= 1;
        });
    },
    async stop() {
      stopped = true;
      await tail;
    },
  };
}

function refOf({ metadata }: KubeObject): ObjectRef {
  return { ...events, namespace: metadata.namespace, name: metadata.name };
}

/** The same for the same happening at the same object. */
function nameOf({ metadata }: KubeObject, { type, reason, message, fieldPath = "" }: Happening): string {
  const text = [metadata.uid, type, reason, message, fieldPath].join("\n");
  return `${metadata.name.slice(0, 200)}.${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
}

function body({ apiVersion, kind, metadata }: KubeObject, happening: Happening, at: string) {
  const { type, reason, message, component, fieldPath, host } = happening;
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion, fieldPath },
    type,
    reason,
    message,
    source: { component, ...(host === undefined ? {} : { host }) },
    reportingComponent: component,
    reportingInstance: host ?? "",
    firstTimestamp: at,
    lastTimestamp: at,
    eventTime: null,
    count: 1,
  };
}
