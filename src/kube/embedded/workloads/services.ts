import { createHash } from "node:crypto";
import { asFields, asList, asText } from "../fields.js";
import type { Fields, KubeObject, StoreEvent } from "../types.js";
import { type Controller, keyOf } from "./controller.js";
import { lookingAt, podsSelectedBy, selectorOf } from "./lookups.js";
import { pods, services, slices } from "./names.js";
import { podKeys } from "./object-index.js";
import { isDying, ownedBy, refTo } from "./objects.js";
import { containersOf, isOver, isReady } from "./pod-state.js";
import type { World } from "./world.js";

const mostEndpoints = 100;

/** Gives Services an address inside of the cluster, and lists the pods behind them in EndpointSlices. */
export const serviceController: Controller = {
  resource: services,
  triggers: [
    {
      resource: pods,
      keys: (event, world) => (concerns(event) ? lookingAt(world, event.object, "Service").map(keyOf) : []),
    },
  ],
  async reconcile(service, world) {
    if (isDying(service) || service.spec?.type === "ExternalName") return undefined;
    await address(service, world);
    if (selectorOf(service) !== undefined) await list(service, world);
    return undefined;
  },
};

/** Whether a change of a pod may change what is listed of it. */
function concerns({ type, object, previous }: StoreEvent): boolean {
  if (type === "DELETED" || previous === undefined) return true;
  const view = (pod: KubeObject) =>
    JSON.stringify([
      pod.metadata.labels,
      isDying(pod),
      isReady(pod),
      isOver(pod),
      pod.status?.podIP,
      pod.spec?.nodeName,
    ]);
  return view(object) !== view(previous);
}

async function address(service: KubeObject, { store }: World): Promise<void> {
  if (asText(service.spec?.clusterIP) !== "") return;
  const digest = createHash("sha256").update(service.metadata.uid).digest();
  const ip = `10.97.${digest[0]}.${digest[1]}`;
  await store.modify(refTo(services, service), (draft) => {
    draft.spec = {
      ...draft.spec,
      clusterIP: ip,
      clusterIPs: [ip],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    };
  });
}

async function list(service: KubeObject, world: World): Promise<void> {
  const found = podsSelectedBy(world, service).filter((pod) => asText(pod.status?.podIP) !== "" && !isOver(pod));
  found.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const count = Math.max(1, Math.ceil(found.length / mostEndpoints));
  const wanted = Array.from({ length: count }, (_, index) => {
    const part = found.slice(index * mostEndpoints, (index + 1) * mostEndpoints);
    return { name: sliceName(service, index), endpoints: part.map((pod) => endpointOf(service, pod)) };
  });
  const ports = asList(service.spec?.ports).map((port) => portOf(port, found[0]));
  for (const { name, endpoints } of wanted) await put(service, world, name, { endpoints, ports });
  const kept = new Set(wanted.map(({ name }) => name));
  const own = world.owned.get(podKeys.owner(service.metadata.uid)).filter(({ kind }) => kind === "EndpointSlice");
  for (const slice of own.filter(({ metadata }) => !kept.has(metadata.name)))
    await world.store.delete(refTo(slices, slice));
}

function sliceName({ metadata }: KubeObject, index: number): string {
  const digest = createHash("sha256").update(`${metadata.uid}/${index}`).digest("hex");
  return `${metadata.name}-${digest.slice(0, 5)}`;
}

async function put(service: KubeObject, { store }: World, name: string, content: Fields): Promise<void> {
  const { namespace = "default" } = service.metadata;
  const found = await store.modify({ ...slices, namespace, name }, (draft) => {
    Object.assign(draft, content);
  });
  if (found !== undefined) return;
  const labels = {
    "kubernetes.io/service-name": service.metadata.name,
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  };
  const metadata = { name, namespace, labels, ownerReferences: ownedBy(service) };
  await store.create(slices, { metadata, addressType: "IPv4", ...content });
}

function endpointOf(service: KubeObject, pod: KubeObject): Fields {
  const serving = isReady(pod);
  const terminating = isDying(pod);
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { name, namespace, uid } = pod.metadata;
  return {
    addresses: [asText(pod.status?.podIP)],
    conditions: { ready, serving, terminating },
    nodeName: pod.spec?.nodeName,
    targetRef: { kind: "Pod", name, namespace, uid },
  };
}

function portOf({ name, port, targetPort, protocol }: Fields, pod: KubeObject | undefined): Fields {
  const wanted = targetPort ?? port;
  const all = pod === undefined ? [] : containersOf(pod).flatMap(({ ports }) => asList(ports));
  const named = typeof wanted === "string" ? all.find((one) => one.name === wanted)?.containerPort : wanted;
  return { name: asText(name), port: asFields({ named }).named ?? null, protocol: protocol ?? "TCP" };
}
