import { parse } from "yaml";
import { unusable } from "./failure.js";
import { fieldsOf } from "./http.js";

/** A version of a chart in the index of its repository. */
export interface IndexEntry {
  readonly version: string;
  /** As in `sha256:…`; empty where the index tells none. */
  readonly digest: string;
}

const longestIndex = 32 * 1_024 * 1_024;
const longestLine = 1_024 * 1_024;
const longestJson = 8 * 1_024 * 1_024;
const mostEntries = 20_000;
const longestScalar = 300;

/**
 * Reads the versions of one chart from an `index.yaml`; undefined when it has no such chart. An index may have
 * millions of lines, and a parser of all YAML would hold up the process for seconds: only the lines are looked at that
 * name charts, and of the one chart those with versions and digests. So the index must be in block style, as Helm
 * writes it, or JSON. Throws DomainError "unavailable" for one that is too large or in no such form.
 */
export async function readIndex(
  body: AsyncIterable<Uint8Array>,
  chart: string,
  host: string,
): Promise<IndexEntry[] | undefined> {
  const scan = new IndexScan(chart, host);
  const decoder = new TextDecoder();
  let rest = "";
  let length = 0;
  let isJson: boolean | undefined;
  for await (const chunk of body) {
    length += chunk.byteLength;
    rest += decoder.decode(chunk, { stream: true });
    isJson ??= rest.trimStart() === "" ? undefined : rest.trimStart().startsWith("{");
    if (length > (isJson ? longestJson : longestIndex)) throw unusable(host, "has an index that is too large");
    if (isJson === undefined && rest.length > longestLine) throw notBlocks(host);
    if (isJson !== false) continue;
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > longestLine) throw unusable(host, "has an index with too long a line");
    if (lines.some((line) => scan.line(line))) return scan.found();
  }
  if (isJson === true) return entriesOfJson(rest, chart, host);
  scan.line(rest);
  return scan.found();
}

/** Goes through the lines of an index, and picks the versions of one chart. */
class IndexScan {
  #part: "head" | "charts" | "chart" = "head";
  // Columns: of the names of charts, of the dashes of versions, of the fields of one version.
  #names = 0;
  #dashes = -1;
  #fields = -1;
  #entries: { version: string; digest: string }[] | undefined;

  constructor(
    readonly chart: string,
    readonly host: string,
  ) {}

  /** What was found; undefined when the index has no such chart. */
  found(): IndexEntry[] | undefined {
    if (this.#part === "head") throw notBlocks(this.host);
    return this.#entries;
  }

  /** Takes the next line; answers whether all is known that is asked. */
  line(raw: string): boolean {
    const text = raw.trimEnd();
    const content = text.trimStart();
    const column = text.length - content.length;
    if (content === "" || content.startsWith("#") || content === "---") return false;
    if (this.#part === "head") return this.#head(text);
    if (this.#names === 0) this.#names = column;
    if (this.#names === 0 || column < this.#names) return true;
    const isItem = content === "-" || content.startsWith("- ");
    if (column === this.#names && !isItem) return this.#name(content);
    if (this.#part === "chart") this.#inChart(column, content);
    return false;
  }

  #head(text: string): boolean {
    const top = /^["']?entries["']?\s*:\s*(.*)$/.exec(text);
    if (top === null) return false;
    const inline = top[1]?.replace(/^#.*$/, "") ?? "";
    if (inline !== "" && inline !== "{}") throw notBlocks(this.host);
    this.#part = "charts";
    return false;
  }

  #name(content: string): boolean {
    // Another chart comes after the one that is asked for.
    if (this.#entries !== undefined) return true;
    const [, quoted, single, plain, rest = ""] =
      /^(?:"([^"]*)"|'([^']*)'|([^\s:#"'][^\s:]*))\s*:(?:\s+(.*))?$/.exec(content) ?? [];
    if ((quoted ?? single ?? plain) !== this.chart) return false;
    const inline = rest.replace(/(?:^|\s)#.*$/, "").trim();
    if (inline !== "" && inline !== "[]") throw notBlocks(this.host);
    this.#entries = [];
    this.#part = "chart";
    return false;
  }

  #inChart(column: number, content: string): void {
    const dash = /^-(\s+|$)/.exec(content);
    if (dash !== null && (this.#dashes < 0 || column === this.#dashes)) {
      this.#dashes = column;
      this.#fields = column + Math.max(dash[0].length, 2);
      this.#entries?.push({ version: "", digest: "" });
      if ((this.#entries?.length ?? 0) > mostEntries) throw unusable(this.host, "has too many versions of the chart");
      this.#field(content.slice(dash[0].length));
    } else if (column === this.#fields) this.#field(content);
  }

  #field(content: string): void {
    const [, name, text = ""] = /^["']?(version|digest)["']?\s*:(?:\s+(.*))?$/.exec(content) ?? [];
    const entry = this.#entries?.at(-1);
    if (entry === undefined || name === undefined) return;
    const value = scalarOf(text, this.host);
    if (name === "version") entry.version = value;
    else entry.digest = digestOf(value);
  }
}

const notBlocks = (host: string) => unusable(host, "has no index.yaml in the form that Helm writes");

/** One scalar of YAML as text: `1.10` stays so. */
function scalarOf(text: string, host: string): string {
  if (text.length > longestScalar) throw notBlocks(host);
  try {
    const value: unknown = parse(text, { schema: "failsafe", maxAliasCount: 0, logLevel: "silent" });
    return typeof value === "string" ? value : "";
  } catch {
    throw notBlocks(host);
  }
}

function digestOf(text: string): string {
  const hex = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(text)?.[1];
  return hex === undefined ? "" : `sha256:${hex.toLowerCase()}`;
}

function entriesOfJson(text: string, chart: string, host: string): IndexEntry[] | undefined {
  const entries = fieldsOf(fieldsOf(jsonOf(text, host)).entries);
  const all = Object.hasOwn(entries, chart) ? entries[chart] : undefined;
  if (!Array.isArray(all)) return undefined;
  return all.slice(0, mostEntries).map((one: unknown) => {
    const { version, digest } = fieldsOf(one);
    return { version: String(version ?? ""), digest: digestOf(String(digest ?? "")) };
  });
}

function jsonOf(text: string, host: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notBlocks(host);
  }
}
