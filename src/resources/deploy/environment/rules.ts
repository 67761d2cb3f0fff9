import {
  ConstraintField,
  type EnvironmentConstraint,
  type Toleration as TolerationMessage,
} from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import { isUuid } from "../../api/uuid.js";
import { isLabelKey, isLabelValue } from "./labels.js";
import type { EnvironmentRow } from "./store.js";
import type { Constraint, Toleration } from "./table.js";

/** Most environments of a project. */
export const mostEnvironments = 100;

/** A name, or the beginning of names before a `*`. */
const valuePattern = /^(?:\*|[A-Za-z0-9][A-Za-z0-9._/-]*\*?)$/;

/** The row; or NOT_FOUND. */
export function found(row: EnvironmentRow | undefined, environment: string): EnvironmentRow {
  if (row === undefined) throw new DomainError("missing", `environment ${environment} does not exist`);
  return row;
}

/** Refuses a change that is based on another version than the present one. */
export function refuseStale({ name, version }: EnvironmentRow, expected: bigint | undefined): void {
  if (expected === undefined || BigInt(version) === expected) return;
  throw new DomainError("conflict", `environment ${name} has version ${version} now: read it again`);
}

/** The tolerations of a request; throws "invalid" for what Kubernetes would refuse. */
export function tolerationsOf(field: string, tolerations: readonly TolerationMessage[]): Toleration[] {
  return tolerations.map((each, i) => tolerationOf(`${field}[${i}]`, each));
}

function tolerationOf(at: string, { key, operator, value, effect, tolerationSeconds }: TolerationMessage): Toleration {
  if (key !== "" && !isLabelKey(key)) throw invalidField(`${at}.key`, "is no key of a taint: [PREFIX/]NAME");
  if (key === "" && operator !== "Exists") {
    throw invalidField(`${at}.operator`, "must be Exists when the key is empty");
  }
  if (operator === "Exists" && value !== "")
    throw invalidField(`${at}.value`, "must be empty with the operator Exists");
  if (!isLabelValue(value)) throw invalidField(`${at}.value`, "is no value of a taint: it is like that of a label");
  if (tolerationSeconds !== undefined && effect !== "NoExecute") {
    throw invalidField(`${at}.effect`, "must be NoExecute when toleration_seconds is set");
  }
  const seconds = Number(tolerationSeconds ?? 0);
  if (!Number.isSafeInteger(seconds)) throw invalidField(`${at}.toleration_seconds`, "is too large");
  return {
    ...(key === "" ? {} : { key }),
    ...(operator === "" ? {} : { operator }),
    ...(value === "" ? {} : { value }),
    ...(effect === "" ? {} : { effect }),
    ...(tolerationSeconds === undefined ? {} : { tolerationSeconds: seconds }),
  };
}

/** What constraints are about, and their numbers in the API. */
export const constraintFields = {
  target: ConstraintField.TARGET,
  plan: ConstraintField.PLAN,
  router: ConstraintField.ROUTER,
  storage_class: ConstraintField.STORAGE_CLASS,
  addon: ConstraintField.ADDON,
} as const satisfies Record<Constraint["field"], ConstraintField>;

/** The constraints of a request, one for each field at most; targets are not looked up. */
export function constraintsOf(field: string, constraints: readonly EnvironmentConstraint[]): Constraint[] {
  const seen = new Set<Constraint["field"]>();
  return constraints.map(({ field: number, values, deny }, i) => {
    const at = `${field}[${i}]`;
    const about = (Object.keys(constraintFields) as Constraint["field"][]).find(
      (name) => constraintFields[name] === number,
    );
    if (about === undefined) throw invalidField(`${at}.field`, "must say what it is about");
    if (seen.has(about)) throw invalidField(`${at}.field`, "has a constraint already: put all values into one");
    seen.add(about);
    for (const [n, value] of values.entries()) refuseBadValue(`${at}.values[${n}]`, about, value);
    // Uuids may be written in either case.
    return { field: about, values: about === "target" ? lowerCase(values) : [...values], deny };
  });
}

function refuseBadValue(at: string, about: Constraint["field"], value: string): void {
  if (about === "target") {
    if (!isUuid(value)) throw invalidField(at, "must be the uuid of a target, without `*`");
  } else if (!valuePattern.test(value)) {
    throw invalidField(
      at,
      "must be a name of letters, digits and -_./, with `*` at the end for any text or not at all",
    );
  }
}

const lowerCase = (values: readonly string[]): string[] => [...new Set(values.map((value) => value.toLowerCase()))];

/** The uuids of the targets that constraints name. */
export function targetsNamed(constraints: readonly Constraint[]): string[] {
  return constraints.flatMap(({ field, values }) => (field === "target" ? values : []));
}
