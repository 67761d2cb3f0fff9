import type { UpdateVolumeLabels } from "../../../../gen/ts/api/v1/volume_pb.js";
import { invalidField } from "../../../errors.js";

const name = "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?";
const keyPattern = new RegExp(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?${name}$`);
const valuePattern = new RegExp(`^${name}$`);

/** Labels that Kubernetes, the storage and Slipway set themselves. */
const reserved = /^([a-z0-9.-]+\.)?(kubernetes\.io|k8s\.io|slipway\.dev)\//;

/** What an update does to labels: texts are set, null removes. Refuses what Kubernetes would, and reserved keys. */
export function labelPatch({ update, remove }: UpdateVolumeLabels): Record<string, string | null> {
  const patch: Record<string, string | null> = {};
  for (const [i, key] of remove.entries()) {
    refuseKey(`labels.remove[${i}]`, key);
    patch[key] = null;
  }
  for (const [i, { key, value }] of update.entries()) {
    const field = `labels.update[${i}]`;
    refuseKey(`${field}.key`, key);
    if (patch[key] !== undefined) throw invalidField(`${field}.key`, "is there twice");
    if (!valuePattern.test(value)) {
      throw invalidField(`${field}.value`, "must be 1 to 63 letters, digits, dashes, dots and underscores");
    }
    patch[key] = value;
  }
  return patch;
}

function refuseKey(field: string, key: string): void {
  if (!keyPattern.test(key)) throw invalidField(field, "is no key of a label: [PREFIX/]NAME, of at most 63 characters");
  if (reserved.test(key)) throw invalidField(field, "is a label that cannot be changed");
}
