import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";
import {
  type VolumeClaim,
  VolumeClaimService,
  type VolumeClaimServiceCreateRequestSchema,
  type VolumeClaimServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/volume_claim_pb.js";
import type { KubeClient } from "../../../../src/kube/client.js";
import { notFound } from "../../../../src/kube/errors.js";
import { deployments } from "../../../../src/resources/deploy/deployment/table.js";
import { releases } from "../../../../src/resources/deploy/release/table.js";
import { type Claim, persistentVolumeClaims } from "../../../../src/resources/deploy/volume-claim/kube.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
type Order = Plain<MessageInitShape<typeof VolumeClaimServiceCreateRequestSchema>>;
type Change = Plain<MessageInitShape<typeof VolumeClaimServiceUpdateRequestSchema>>;

let made = 0;

/** A name that nothing else of this test file has. */
export const newName = (prefix = "data"): string => `${prefix}-${++made}`;

/** Volume claims of a tenant's project, called for by its owner unless told otherwise. */
export function claimsOf(platform: TestPlatform, { project, tokens }: TestTenant) {
  const client = platform.client(VolumeClaimService);
  const owner = as(tokens.owner);
  const get = async (uuid: string, by = owner): Promise<VolumeClaim> =>
    demand((await client.get({ project, uuid }, by)).volumeClaim);
  return {
    client,
    project,
    owner,
    get,
    create: async (order: Order, by = owner): Promise<VolumeClaim> =>
      demand((await client.create({ project, name: newName(), size: "1Gi", ...order }, by)).volumeClaim),
    update: async (uuid: string, change: Change, by = owner): Promise<VolumeClaim> =>
      demand((await client.update({ project, uuid, ...change }, by)).volumeClaim),
    delete: async (uuid: string, by = owner): Promise<VolumeClaim> =>
      demand((await client.delete({ project, uuid }, by)).volumeClaim),
    names: async (filter: { environment?: string; namespace?: string } = {}, by = owner) =>
      (await client.list({ project, ...filter }, by)).volumeClaims.map(({ name }) => name),
    async until(uuid: string, fits: object): Promise<VolumeClaim> {
      await expect.poll(() => get(uuid), { timeout: 90_000, interval: 20 }).toMatchObject(fits);
      return await get(uuid);
    },
    gone: (uuid: string) =>
      expect
        .poll(async () => (await client.list({ project }, owner)).volumeClaims.map((one) => one.uuid), {
          timeout: 90_000,
          interval: 20,
        })
        .not.toContain(uuid),
  };
}

function demand(claim: VolumeClaim | undefined): VolumeClaim {
  if (claim === undefined) throw new Error("no volume claim was answered");
  return claim;
}

/** The PersistentVolumeClaim in a cluster; undefined when there is none. */
export async function live(kube: KubeClient, namespace: string, name: string): Promise<Claim | undefined> {
  try {
    return await kube.get<Claim>(persistentVolumeClaims, { namespace, name });
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

/** Gives a claim its storage, or takes it, as a cluster's storage would. */
export async function setStatus(kube: KubeClient, namespace: string, name: string, status: object): Promise<void> {
  const claim = await kube.get<Claim>(persistentVolumeClaims, { namespace, name });
  await kube.replaceSubresource(persistentVolumeClaims, { ...claim, status } as Claim, "status");
}

/** A deployment with one release that mounts a claim, straight in the database. */
export async function mountedBy(
  { platform: { db, newId } }: TestPlatform,
  place: { project: string; environment: string; target: string; namespace: string },
  claim: string,
  status: "active" | "pending" | "superseded" | "failed",
): Promise<{ id: string; name: string }> {
  const [id, name, now] = [newId(), newName("shop"), new Date()];
  const stamps = { createdAt: now, updatedAt: now };
  await db.insert(deployments).values({ id, ...place, name, objectName: name, kind: "web", lastRelease: 1, ...stamps });
  const content = { source: { type: "image", image: "web", digest: "", registrySecret: "" }, processes: [] } as const;
  const placement = { target: place.target, namespace: place.namespace, nodeSelector: {}, tolerations: [] };
  await db.insert(releases).values({
    id: newId(),
    deployment: id,
    number: 1,
    cause: "created",
    status,
    changeSealed: "",
    content: { ...content, placement },
    configSealed: "",
    usesVolumeClaims: [claim],
    createdBy: "me",
    createdAt: now,
    activatedAt: now,
  });
  return { id, name };
}
