import { invalidField } from "../../../errors.js";

const mostSegment = 255;

/** Whether a path is another one or lies in it; parts are told apart by the separator. */
export const isInside = (path: string, other: string, separator = "/"): boolean =>
  path === other || path.startsWith(`${other}${separator}`);

/** Refuses what is no path at which something can be mounted: absolute, without `.`, `..` and empty parts. */
export function refuseBadMountPath(field: string, path: string): void {
  const parts = path.split("/").slice(1);
  const isGood = (part: string) => part !== "" && part !== "." && part !== ".." && part.length <= mostSegment;
  if (!path.startsWith("/") || /[:\p{Cc}]/u.test(path) || !parts.every(isGood)) {
    throw invalidField(field, "must be an absolute path, not /, without colons and parts that are empty, . or ..");
  }
}

/** Sorts a list by what names its entries, the same everywhere. */
export function sortedBy<T>(list: readonly T[], name: (entry: T) => string): T[] {
  return list.toSorted((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}

/** Refuses the second entry of that name. */
export function refuseTwice(seen: Set<string>, name: string, field: string): void {
  if (seen.has(name)) throw invalidField(field, "is given twice");
  seen.add(name);
}
