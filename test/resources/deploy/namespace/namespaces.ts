import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";
import {
  NamespaceService,
  type NamespaceServiceCreateRequestSchema,
  type NamespaceServiceUpdateRequestSchema,
  type TargetNamespace,
} from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import type { KubeClient } from "../../../../src/kube/client.js";
import { notFound } from "../../../../src/kube/errors.js";
import { type KubeObject, namespaces } from "../../../../src/kube/objects.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
type Order = Plain<MessageInitShape<typeof NamespaceServiceCreateRequestSchema>>;
type Change = Plain<MessageInitShape<typeof NamespaceServiceUpdateRequestSchema>>;

let made = 0;

/** A name that no other namespace of this test file has. */
export const newNamespace = (): string => `ns-${process.pid % 1000}-${++made}`;

/** Namespaces of a tenant's project, called for by its owner unless told otherwise. */
export function namespacesOf(platform: TestPlatform, { project, tokens }: TestTenant) {
  const client = platform.client(NamespaceService);
  const owner = as(tokens.owner);
  const get = async (uuid: string, by = owner): Promise<TargetNamespace> =>
    demand((await client.get({ project, uuid }, by)).namespace);
  return {
    client,
    project,
    owner,
    get,
    create: async (order: Order, by = owner): Promise<TargetNamespace> =>
      demand((await client.create({ project, name: newNamespace(), ...order }, by)).namespace),
    update: async (uuid: string, change: Change): Promise<TargetNamespace> =>
      demand((await client.update({ project, uuid, ...change }, owner)).namespace),
    delete: (uuid: string, by = owner) => client.delete({ project, uuid }, by),
    list: async (target?: string, by = owner) =>
      (await client.list({ project, ...(target === undefined ? {} : { target }) }, by)).namespaces,
    async until(uuid: string, fits: Partial<TargetNamespace>): Promise<TargetNamespace> {
      await expect.poll(() => get(uuid), { timeout: 30_000, interval: 20 }).toMatchObject(fits);
      return await get(uuid);
    },
    gone: (uuid: string) =>
      expect
        .poll(async () => (await client.list({ project }, owner)).namespaces.map((one) => one.uuid), {
          timeout: 30_000,
          interval: 20,
        })
        .not.toContain(uuid),
  };
}

function demand(namespace: TargetNamespace | undefined): TargetNamespace {
  if (namespace === undefined) throw new Error("no namespace was answered");
  return namespace;
}

/** The Namespace in a cluster; undefined when there is none. */
export async function live(kube: KubeClient, name: string): Promise<KubeObject | undefined> {
  try {
    return await kube.get<KubeObject>(namespaces, { name });
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}
