// npx tsx bench/profile.ts FILE.cpuprofile [--after SECONDS] [--top COUNT]
// Where the processor time of a profile went: by part, and by function, each without what it calls. --after leaves out
// the start of the process, and what was idle is left out in any case.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** The part of the .cpuprofile format that is read. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** In µs, from one sample to the next. */
  readonly timeDeltas: readonly number[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { after: { type: "string", default: "0" }, top: { type: "string", default: "30" } },
});
const [file] = positionals;
if (file === undefined) throw new Error("give the .cpuprofile to read");

const profile = JSON.parse(readFileSync(file, "utf8")) as Profile;
const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
const [byPart, byFunction] = [new Map<string, number>(), new Map<string, number>()];
let [elapsed, busy] = [0, 0];
for (const [i, sample] of profile.samples.entries()) {
  const took = profile.timeDeltas[i] ?? 0;
  elapsed += took;
  const frame = frames.get(sample);
  if (frame === undefined || frame.functionName === "(idle)" || elapsed < Number(values.after) * 1e6) continue;
  busy += took;
  const place = frame.url === "" ? "" : ` ${shortened(frame.url)}:${frame.lineNumber + 1}`;
  add(byPart, partOf(frame.functionName, frame.url), took);
  add(byFunction, `${frame.functionName || "(anonymous)"}${place}`, took);
}
console.log(`${(busy / 1e6).toFixed(2)} s of processor time in ${(elapsed / 1e6).toFixed(2)} s`);
print(byPart);
print(byFunction);

function add(to: Map<string, number>, key: string, took: number): void {
  to.set(key, (to.get(key) ?? 0) + took);
}

function print(times: ReadonlyMap<string, number>): void {
  const lines = [...times].sort(([, a], [, b]) => b - a).slice(0, Number(values.top));
  console.log("");
  for (const [key, took] of lines) console.log(`${((took / busy) * 100).toFixed(1).padStart(5)} %  ${key}`);
}

/** A package, a folder of the project, a module of Node.js, or what belongs to none: "(garbage collector)", native code. */
function partOf(name: string, url: string): string {
  if (url === "") return name.startsWith("(") ? name : "native";
  if (url.startsWith("node:")) return url.split("/").slice(0, 3).join("/");
  const inPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return (
    inPackage ?? /\/((?:src|gen|bench|cli)\/.*)\/[^/]+$/.exec(url)?.[1]?.replace(/^bench\/(?=src|gen|bench)/, "") ?? url
  );
}

function shortened(url: string): string {
  return url.replace(/^file:\/\/.*\/node_modules\//, "").replace(/^file:\/\/.*\/dist\/(bench\/)?/, "");
}
