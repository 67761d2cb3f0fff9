import { objectForm } from "./accept.js";
import { flag, numberParameter, type ResourceCall } from "./call.js";
import { apiVersionOf } from "./lifecycle.js";
import { checkNotAhead, selectorOf, served, tableFor } from "./rest-read.js";
import type { Selector } from "./selectors.js";
import { expired, invalid, StatusError } from "./status-error.js";
import { partialObject } from "./table.js";
import type { Fields, KubeObject, StoreEvent } from "./types.js";

const bookmarkEveryMs = 60_000;
const defaultTimeoutSeconds = 1800;
const longestTimeoutSeconds = 24 * 3600;
/** How much may wait for a reader, beyond the objects that its watch begins with, before it is cut off. */
const largestBacklog = 4 * 1024 * 1024;

interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

/** Streams changes as lines of JSON until the timeout, the end of the server, or the reader's. */
export function watchObjects(call: ResourceCall): void {
  const { response, query } = call;
  const selects = selectorOf(call);
  const encode = createEncoder(call);
  const begin = beginningOf(call, selects);
  const first = begin instanceof StatusError ? errorLine(begin) : begin.map((change) => encode(change)).join("");
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
  response.flushHeaders();
  if (begin instanceof StatusError) {
    response.end(first);
    return;
  }
  if (first !== "") response.write(first);
  if (flag(query, "sendInitialEvents")) response.write(bookmark(call, true));
  const allowance = largestBacklog + response.writableLength;

  const stopListening = call.cluster.store.watch(call.type, (event) => {
    const change = visibleChange(event, selects);
    if (!change) return;
    response.write(encode(change, event));
    if (response.writableLength > allowance) response.destroy();
  });
  const bookmarks = flag(query, "allowWatchBookmarks");
  const sendBookmark = () => bookmarks && response.writableLength === 0 && response.write(bookmark(call, false));
  const ticker = setInterval(sendBookmark, bookmarkEveryMs);
  const finish = () => {
    sendBookmark();
    response.end();
  };
  const timer = setTimeout(finish, timeoutMs(call));
  call.cluster.streams.add(finish);
  response.on("close", () => {
    stopListening();
    clearInterval(ticker);
    clearTimeout(timer);
    call.cluster.streams.delete(finish);
  });
}

function errorLine(status: StatusError): string {
  return `${JSON.stringify({ type: "ERROR", object: status.body() })}\n`;
}

function timeoutMs(call: ResourceCall): number {
  // Spread, so that many watches that began together do not all end together.
  const standard = defaultTimeoutSeconds * (1 + Math.random());
  const seconds = numberParameter(call.query, "timeoutSeconds") || standard;
  return Math.min(seconds, longestTimeoutSeconds) * 1000;
}

/** What a watch sends first: the current objects, or what was missed since a resourceVersion. */
function beginningOf(call: ResourceCall, selects: Selector): Change[] | StatusError {
  const { store } = call.cluster;
  const collection = store.collection(call.type);
  const version = numberParameter(call.query, "resourceVersion") ?? 0;
  const initial = call.query.get("sendInitialEvents");
  const match = call.query.get("resourceVersionMatch") ?? "";
  if (initial !== null && match !== "NotOlderThan") {
    const message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    throw invalid("", "ListOptions", "", [{ reason: "FieldValueForbidden", message, field: "resourceVersionMatch" }]);
  }
  if (flag(call.query, "sendInitialEvents") || (version === 0 && initial === null)) {
    checkNotAhead(version, store.versions.current);
    const objects = collection.all().filter(selects);
    return objects.map((object) => ({ type: "ADDED", object }));
  }
  if (version === 0) return [];
  checkNotAhead(version, store.versions.current);
  const missed = collection.since(version);
  if (!missed) return expired(`too old resource version: ${version} (${store.versions.start})`);
  return missed.flatMap((event) => visibleChange(event, selects) ?? []);
}

/** An event as somebody sees it who sees the selected objects only. */
function visibleChange(event: StoreEvent, selects: Selector): Change | undefined {
  const { type, object, previous } = event;
  const before = previous !== undefined && selects(previous);
  if (type === "DELETED") return before ? { type, object } : undefined;
  const after = selects(object);
  if (after) return { type: before ? "MODIFIED" : "ADDED", object };
  if (!before) return undefined;
  const { resourceVersion } = object.metadata;
  return { type: "DELETED", object: { ...previous, metadata: { ...previous.metadata, resourceVersion } } };
}

/** One line per event; plain lines are shared by all watches that send the same. */
const plainLines = new WeakMap<StoreEvent, string>();

function createEncoder(call: ResourceCall): (change: Change, event?: StoreEvent) => string {
  const { as } = objectForm(call.request.headers.accept);
  const apiVersion = apiVersionOf(call.type);
  let first = true;
  const shown = (object: KubeObject): Fields => {
    if (as === "PartialObjectMetadata") return partialObject(object);
    if (as === "") return served(call.type, object);
    const table = tableFor(call, [object], { resourceVersion: object.metadata.resourceVersion }, first);
    first = false;
    return table;
  };
  const line = ({ type, object }: Change) => `${JSON.stringify({ type, object: shown(object) })}\n`;
  return (change, event) => {
    const isPlain = as === "" && event?.object === change.object && event.type === change.type;
    if (!event || !isPlain || event.object.apiVersion !== apiVersion) return line(change);
    const known = plainLines.get(event) ?? line(change);
    plainLines.set(event, known);
    return known;
  };
}

function bookmark(call: ResourceCall, endsInitial: boolean): string {
  const annotations = endsInitial ? { annotations: { "k8s.io/initial-events-end": "true" } } : {};
  const metadata = {
    resourceVersion: String(call.cluster.store.versions.current),
    creationTimestamp: null,
    ...annotations,
  };
  const { as } = objectForm(call.request.headers.accept);
  const plain = { kind: call.type.kind, apiVersion: apiVersionOf(call.type), metadata };
  const object = as === "" ? plain : { ...plain, kind: as, apiVersion: "meta.k8s.io/v1" };
  return `${JSON.stringify({ type: "BOOKMARK", object })}\n`;
}
