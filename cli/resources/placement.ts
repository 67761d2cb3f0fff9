import { InvalidArgumentError } from "commander";
import type { ConstraintField } from "../../gen/ts/deploy/v1/environment_pb.js";
import { Failure } from "../failure.js";
import { enumValueOf } from "./enums.js";

/** A taint that pods bear. */
export interface GivenToleration {
  readonly key: string;
  readonly operator: string;
  readonly value: string;
  readonly effect: string;
}

/** Reads KEY[=VALUE][:EFFECT], as taints are written; may come several times. */
export function tolerations(text: string, earlier: readonly GivenToleration[] = []): readonly GivenToleration[] {
  const match = /^([^=:]+)(?:=([^:]*))?(?::([A-Za-z]+))?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("It must be KEY[=VALUE][:EFFECT], as in gpu=yes:NoSchedule.");
  const [, key = "", value, effect = ""] = match;
  return [...earlier, { key, operator: value === undefined ? "Exists" : "Equal", value: value ?? "", effect }];
}

/** What environments can constrain. */
export const constraintFields = ["target", "plan", "router", "storage-class", "addon"] as const;

/** A constraint as a flag gives it. */
export interface GivenConstraint {
  readonly field: string;
  readonly values: readonly string[];
}

/** Reads FIELD=VALUE[,VALUE]; may come several times. */
export function constraints(text: string, earlier: readonly GivenConstraint[] = []): readonly GivenConstraint[] {
  const at = text.indexOf("=");
  const field = text.slice(0, Math.max(at, 0));
  const values = text
    .slice(at + 1)
    .split(",")
    .filter((value) => value !== "");
  if (!(constraintFields as readonly string[]).includes(field) || values.length === 0) {
    throw new InvalidArgumentError(`It must be FIELD=VALUE[,VALUE], with a field of ${constraintFields.join(", ")}.`);
  }
  return [...earlier, { field, values }];
}

/** Constraints as requests have them; `targetOf` finds what names of targets mean. */
export async function constraintsOf(
  words: typeof ConstraintField,
  {
    allow = [],
    deny = [],
  }: { readonly allow?: readonly GivenConstraint[]; readonly deny?: readonly GivenConstraint[] },
  targetOf: (reference: string) => Promise<string>,
) {
  const made = [];
  for (const [list, denies] of [
    [allow, false],
    [deny, true],
  ] as const) {
    for (const { field, values } of list) {
      const resolved = field === "target" ? await Promise.all(values.map(targetOf)) : [...values];
      made.push({ field: enumValueOf(words, field) ?? 0, values: resolved, deny: denies });
    }
  }
  const fields = made.map(({ field }) => field);
  if (new Set(fields).size < fields.length) {
    throw new Failure("usage", "there is one constraint for each field", [
      "Give all its values in one --allow or --deny.",
    ]);
  }
  return made;
}
