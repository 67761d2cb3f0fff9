/** An operation of another system, and the RPC that takes its place. */
export interface Operation {
  readonly system: string;
  readonly id: string;
  /** `package.Service/Method`; undefined where nothing takes its place. */
  readonly rpc: string | undefined;
}

/** Why an operation is not covered. */
export type Gap = "no rpc" | "no test";

/** How far one system is covered. */
export interface Coverage {
  readonly system: string;
  /** Operations that have a counterpart. */
  readonly operations: number;
  readonly covered: number;
  /** Operations without a counterpart; they are in no other figure. */
  readonly without: number;
  /** Operations that are not covered, by id. */
  readonly missing: ReadonlyMap<string, Gap>;
}

const header = "system\tid\tmethod\tpath\tsummary\tgroup\tstatus\trpc";

/** Reads the ledger; an Error names the first line that is not of its form. */
export function parseLedger(text: string): Operation[] {
  const [first, ...lines] = text.trimEnd().split("\n");
  if (first !== header) throw new Error(`the ledger must begin with the line "${header}"`);
  const seen = new Set<string>();
  return lines.map((line, index) => {
    const columns = line.split("\t");
    const [system = "", id = "", , , , , , rpc = ""] = columns;
    const wellFormed = columns.length === 8 && id.startsWith(`${system}.`) && /^(none|[a-z0-9.]+\.\w+\/\w+)$/.test(rpc);
    if (!wellFormed || seen.has(id))
      throw new Error(`line ${index + 2} of the ledger is malformed or repeated: ${line}`);
    seen.add(id);
    return { system, id, rpc: rpc === "none" ? undefined : rpc };
  });
}

/** The texts in square brackets of some test titles: "lists them [a.b, c.d] [e.f]" has three. */
export function bracketed(titles: Iterable<string>): Set<string> {
  const ids = [...titles].flatMap((title) => [...title.matchAll(/\[([^\]]+)\]/g)].map((match) => match[1] ?? ""));
  return new Set(ids.flatMap((id) => id.split(/[,\s]+/)).filter((id) => id !== ""));
}

/** Counts per system, in alphabetical order, which operations have an RPC that exists and a test that passed. */
export function coverage(
  operations: readonly Operation[],
  rpcs: ReadonlySet<string>,
  tested: ReadonlySet<string>,
): Coverage[] {
  const systems = [...new Set(operations.map(({ system }) => system))].sort();
  return systems.map((system) => {
    const all = operations.filter((operation) => operation.system === system);
    const replaced = all.filter(({ rpc }) => rpc !== undefined);
    const missing = new Map<string, Gap>();
    for (const { id, rpc } of replaced) {
      if (rpc === undefined || !rpcs.has(rpc)) missing.set(id, "no rpc");
      else if (!tested.has(id)) missing.set(id, "no test");
    }
    const without = all.length - replaced.length;
    return { system, operations: replaced.length, covered: replaced.length - missing.size, without, missing };
  });
}

/** Which of the ids look like operations of the ledger, but are not in it: misspelt ones. */
export function unknownIds(operations: readonly Operation[], ids: Iterable<string>): string[] {
  const known = new Set(operations.map(({ id }) => id));
  const systems = [...new Set(operations.map(({ system }) => system))];
  return [...ids].filter((id) => !known.has(id) && systems.some((system) => id.startsWith(`${system}.`)));
}
