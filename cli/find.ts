import { Failure } from "./failure.js";
import { nearest } from "./nearest.js";

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text is a uuid. */
export const isUuid = (text: string): boolean => uuidPattern.test(text);

/** How things of a kind are told apart. */
export interface Naming<T> {
  /** What it is, as in "cluster". */
  readonly kind: string;
  readonly id: (item: T) => string;
  readonly name: (item: T) => string;
  /** The command that lists them. */
  readonly list: string;
}

/** The one thing that a name or an id means; a failure that says which there are when none or several do. */
export function pick<T>(items: readonly T[], reference: string, naming: Naming<T>): T {
  const byId = items.find((item) => naming.id(item) === reference.toLowerCase() || naming.id(item) === reference);
  if (byId !== undefined) return byId;
  const named = items.filter((item) => naming.name(item) === reference);
  const [only] = named;
  if (named.length === 1 && only !== undefined) return only;
  if (named.length > 1) {
    throw new Failure("usage", `${named.length} are called "${reference}": give the id of one ${naming.kind}`, [
      ...named.map((item) => `  ${naming.id(item)}`),
    ]);
  }
  const near = nearest(reference, items.map(naming.name));
  throw new Failure("missing", `there is no ${naming.kind} "${reference}"`, [
    ...(near === undefined ? [] : [`Did you mean ${near}?`]),
    `${naming.list} tells which there are.`,
  ]);
}
