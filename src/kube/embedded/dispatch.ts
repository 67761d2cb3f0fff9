import { mediaType, parseObject, readBody } from "./body.js";
import { type Call, flag, type Reply, type ResourceCall, refOf } from "./call.js";
import { discoveryGroup, discoveryRoot, discoveryVersion } from "./discovery.js";
import { clusterPath } from "./kubeconfig.js";
import { openapiGroup, openapiIndex, openapiV2 } from "./openapi.js";
import { streamLogs } from "./pod-logs.js";
import { parseResourcePath } from "./request-path.js";
import { createObject } from "./rest-create.js";
import { deleteCollection, deleteObject } from "./rest-delete.js";
import { getObject, listObjects, readBelow } from "./rest-read.js";
import { changesStatus, patchObject, replaceObject } from "./rest-update.js";
import { handleScale } from "./scale.js";
import { methodNotAllowed, noSuchPath, notFound } from "./status-error.js";
import { watchObjects } from "./watch.js";

type Answer = Reply | undefined | Promise<Reply | undefined>;

/** Finds what answers a request to a cluster; undefined when the response is written already. */
export function dispatch(call: Call): Answer {
  const { registry, name } = call.cluster;
  const path = call.path.replace(/\/$/, "");
  const read = (reply: () => Reply): Reply => {
    if (call.method !== "GET" && call.method !== "HEAD") throw methodNotAllowed();
    return reply();
  };
  const { accept } = call.request.headers;
  if (path === "/api" || path === "/apis") return read(() => discoveryRoot(registry, path === "/api", accept));
  if (path === "/openapi/v2") return read(() => openapiV2(registry));
  if (path === "/openapi/v3") return read(() => openapiIndex(registry, clusterPath(name)));
  if (path.startsWith("/openapi/v3/")) {
    return read(() => openapiGroup(registry, path.slice("/openapi/v3/".length)));
  }
  const group = /^\/apis\/([^/]+)$/.exec(path)?.[1];
  if (group !== undefined) return read(() => discoveryGroup(registry, group));
  return dispatchResource(call);
}

function dispatchResource(call: Call): Answer {
  const { registry } = call.cluster;
  const target = parseResourcePath(call.path);
  if (!target) return readBelow(call);
  if (target.resource === "") {
    if (call.method !== "GET" && call.method !== "HEAD") throw methodNotAllowed();
    return discoveryVersion(registry, target.group, target.version);
  }
  const type = registry.find(target.group, target.version, target.resource);
  if (!type || (target.namespace !== undefined && !type.namespaced)) throw noSuchPath();
  const resourceCall: ResourceCall = { ...call, type, target };
  if (type.answer) return answerReview(resourceCall);
  if (target.subresource !== "") return dispatchPart(resourceCall);
  return target.name === undefined ? dispatchCollection(resourceCall) : dispatchObject(resourceCall);
}

function dispatchCollection(call: ResourceCall): Answer {
  if (call.method === "POST") return createObject(call);
  if (call.method === "DELETE") return deleteCollection(call);
  if (call.method !== "GET" && call.method !== "HEAD") throw methodNotAllowed();
  if (call.method === "HEAD" || !flag(call.query, "watch")) return listObjects(call);
  watchObjects(call);
  return undefined;
}

function dispatchObject(call: ResourceCall): Answer {
  if (call.type.namespaced && call.target.namespace === undefined) throw noSuchPath();
  if (call.method === "PUT") return replaceObject(call);
  if (call.method === "PATCH") return patchObject(call);
  if (call.method === "DELETE") return deleteObject(call);
  if (call.method !== "GET" && call.method !== "HEAD") throw methodNotAllowed();
  if (call.method === "HEAD" || !flag(call.query, "watch")) return getObject(call);
  watchObjects(call);
  return undefined;
}

async function dispatchPart(call: ResourceCall): Promise<Reply | undefined> {
  const { type, target, method } = call;
  if (type.namespaced && target.namespace === undefined) throw noSuchPath();
  const isCore = (resource: string) => type.group === "" && type.resource === resource;
  if (target.subresource === "scale") return handleScale(call);
  if (changesStatus(type, target.subresource)) {
    if (method === "PUT") return replaceObject(call);
    if (method === "PATCH") return patchObject(call);
    if (method === "GET") return getObject(call);
    throw methodNotAllowed();
  }
  if (target.subresource === "finalize" && isCore("namespaces")) {
    if (method === "PUT") return replaceObject(call);
    throw methodNotAllowed();
  }
  if (target.subresource === "log" && isCore("pods")) {
    if (method !== "GET") throw methodNotAllowed();
    await streamLogs(call);
    return undefined;
  }
  return answerPart(call);
}

async function answerPart(call: ResourceCall): Promise<Reply> {
  const { subresources = {} } = call.type;
  const { subresource } = call.target;
  const handler = Object.hasOwn(subresources, subresource) ? subresources[subresource] : undefined;
  if (!handler) throw noSuchPath();
  if (call.method !== "POST") throw methodNotAllowed();
  const body = parseObject(await readBody(call.request), mediaType(call.request));
  const object = call.cluster.store.get(refOf(call));
  if (!object) throw notFound(call.type, call.target.name ?? "");
  const { cluster, user, kubeconfig } = call;
  const answer = await handler.create({ object, body, user, kubeconfig, cluster: cluster.name, store: cluster.store });
  return { code: 201, body: answer };
}

async function answerReview(call: ResourceCall): Promise<Reply> {
  const { type, target, cluster, user } = call;
  if (!type.answer || target.name !== undefined) throw noSuchPath();
  if (call.method !== "POST") throw methodNotAllowed();
  const body = parseObject(await readBody(call.request), mediaType(call.request));
  const request = { user, namespace: target.namespace, body, cluster: cluster.name, store: cluster.store };
  return { code: 201, body: await type.answer(request) };
}
