import { create } from "@bufbuild/protobuf";
import {
  DifferenceKind,
  FieldDifferenceSchema,
  type ObjectDifference,
  ObjectDifferenceSchema,
  ObjectNameSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { conflict, notFound } from "../../../kube/errors.js";
import { apiVersionOf } from "../../../kube/objects.js";
import type { InventoryEntry } from "../spec/content.js";
import { entriesBeyond, inventoryOf } from "./apply.js";
import { changesBetween, type FieldChange } from "./changes.js";
import type { Manifest, ObjectOwner } from "./engine.js";
import { shown, yamlOf } from "./hidden.js";
import { groupShown } from "./kinds.js";
import { isOwn } from "./labels.js";
import { adapted, foreignness, inTurns, readLive, refusalOf } from "./live.js";
import type { LiveObject } from "./standing-facts.js";

/** How often one object is read again because somebody changed it meanwhile. */
const mostAttempts = 5;

/**
 * How objects would differ from what a target has, by a dry run there, and which of the inventory would go. The
 * inventory is that of this target alone. What the target would refuse is part of the answer; nothing secret is.
 * Throws transient KubeErrors as they are, and DomainError "unavailable" for an object that is changed all the time.
 */
export async function differences(
  client: KubeClient,
  owner: ObjectOwner,
  manifests: readonly Manifest[],
  inventory: readonly InventoryEntry[],
  signal: AbortSignal,
): Promise<ObjectDifference[]> {
  const made = await inTurns(manifests, signal, (manifest) => differenceOf(client, owner, manifest, signal));
  const [target = ""] = inventory.map((entry) => entry.target);
  const beyond = entriesBeyond(inventory, inventoryOf(target, manifests));
  const gone = await inTurns(beyond, signal, (entry) => deletionOf(client, owner, entry, signal));
  return [...made, ...gone.flat()];
}

async function differenceOf(
  client: KubeClient,
  owner: ObjectOwner,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<ObjectDifference> {
  const { type, object } = manifest;
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const live = await readLive(client, type, object.metadata, signal);
    const foreign = live === undefined ? undefined : foreignness(manifest, live, owner);
    if (foreign !== undefined) return message(manifest, DifferenceKind.REFUSED, { message: foreign });
    try {
      const wanted = await client.apply<LiveObject>(type, adapted(manifest, live), { dryRun: true, signal });
      if (live === undefined) return message(manifest, DifferenceKind.CREATED);
      const fields = changesBetween(shown(type.kind, { ...live }), shown(type.kind, { ...wanted }));
      return message(manifest, fields.length > 0 ? DifferenceKind.CHANGED : DifferenceKind.SAME, { fields });
    } catch (error) {
      if (live !== undefined && (conflict(error) || notFound(error))) continue;
      const refusal = refusalOf(error, manifest);
      if (!(refusal instanceof DomainError)) throw refusal;
      return message(manifest, DifferenceKind.REFUSED, { message: refusal.message });
    }
  }
  throw new DomainError("unavailable", `${type.kind} ${object.metadata.name} is changed on the target again and again`);
}

async function deletionOf(
  client: KubeClient,
  { deployment }: ObjectOwner,
  { group, version, plural, kind, name, namespace }: InventoryEntry,
  signal: AbortSignal,
): Promise<ObjectDifference[]> {
  const place = { name, ...(namespace === "" ? {} : { namespace }) };
  const live = await readLive(client, { group, version, plural, kind }, place, signal);
  if (live === undefined || !isOwn(live.metadata.labels, deployment)) return [];
  const object = create(ObjectNameSchema, { group: groupShown(group), kind, name });
  return [create(ObjectDifferenceSchema, { object, difference: DifferenceKind.DELETED })];
}

function message(
  { type, object }: Manifest,
  difference: DifferenceKind,
  more: { readonly fields?: readonly FieldChange[]; readonly message?: string } = {},
): ObjectDifference {
  const { group, kind } = type;
  const whole = { apiVersion: apiVersionOf(type), kind, ...shown(kind, object) };
  return create(ObjectDifferenceSchema, {
    object: create(ObjectNameSchema, { group: groupShown(group), kind, name: object.metadata.name }),
    difference,
    manifest: yamlOf(whole),
    fields: (more.fields ?? []).map((field) => create(FieldDifferenceSchema, { ...field })),
    message: more.message ?? "",
  });
}
