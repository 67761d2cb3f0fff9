import { DomainError } from "../../../errors.js";
import type { Constraint, environments } from "./table.js";

type Constrained = Pick<typeof environments.$inferSelect, "name" | "constraints">;

/**
 * Whether constraints allow a value: the uuid of a target, or a name. No value at all, such as that of the default
 * storage class, is allowed only where every value is.
 */
export function allows(constraints: readonly Constraint[], field: Constraint["field"], value: string): boolean {
  const constraint = constraints.find((each) => each.field === field);
  if (constraint === undefined) return true;
  const { values, deny } = constraint;
  if (value === "") return deny ? values.length === 0 : values.includes("*");
  const isNamed = values.some((each) =>
    each.endsWith("*") ? value.startsWith(each.slice(0, -1)) : each === value.toLowerCase() || each === value,
  );
  return isNamed !== deny;
}

/** Throws "precondition" for a value that the environment's constraints forbid; `shown` is what people call it. */
export function refuseForbidden(
  { name, constraints }: Constrained,
  field: Constraint["field"],
  value: string,
  shown = value,
): void {
  if (allows(constraints, field, value)) return;
  const about = field.replaceAll("_", " ");
  const what = shown === "" ? `the default ${about}: name one` : `${about} ${shown}`;
  throw new DomainError("precondition", `a constraint of environment ${name} forbids ${what}`);
}
