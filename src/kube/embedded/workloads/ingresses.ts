import { createHash } from "node:crypto";
import { asText } from "../fields.js";
import type { KubeObject, ObjectStore } from "../types.js";
import { type Controller, keyOf } from "./controller.js";
import { ingressClasses, ingresses } from "./names.js";
import { isDying, refTo } from "./objects.js";

/** The ingress class that every cluster has. */
export const standardIngressClass = "nginx";

const controller = "simulator.slipway.dev/ingress";
const isDefault = "ingressclass.kubernetes.io/is-default-class";

/** Makes the standard ingress class, unless it is there. */
export async function seedIngressClass(store: ObjectStore): Promise<void> {
  const name = standardIngressClass;
  if (store.get({ ...ingressClasses, name }) !== undefined) return;
  await store.create(ingressClasses, {
    metadata: { name, annotations: { [isDefault]: "true" } },
    spec: { controller },
  });
}

/** Gives Ingresses the address of their class; those of classes that are unknown, or somebody else's, get none. */
export const ingressController: Controller = {
  resource: ingresses,
  triggers: [{ resource: ingressClasses, keys: (_, { store }) => store.list(ingresses).map(keyOf) }],
  async reconcile(ingress, { store }) {
    if (isDying(ingress)) return undefined;
    const found = classOf(ingress, store);
    const address = found?.spec?.controller === controller ? [{ ip: addressOf(found) }] : [];
    await store.patchStatus(refTo(ingresses, ingress), (draft) => {
      const before = draft.status?.loadBalancer;
      if (address.length === 0 && before === undefined) return;
      draft.status = { ...draft.status, loadBalancer: address.length === 0 ? {} : { ingress: address } };
    });
    return undefined;
  },
};

function classOf({ metadata, spec }: KubeObject, store: ObjectStore): KubeObject | undefined {
  const named = asText(spec?.ingressClassName) || metadata.annotations?.["kubernetes.io/ingress.class"];
  if (named !== undefined) return store.get({ ...ingressClasses, name: named });
  return store.list(ingressClasses).find((one) => one.metadata.annotations?.[isDefault] === "true");
}

/** Of the addresses that are meant for documentation. */
function addressOf({ metadata }: KubeObject): string {
  const digest = createHash("sha256").update(metadata.uid).digest();
  return `198.51.100.${((digest[0] ?? 0) % 250) + 2}`;
}
