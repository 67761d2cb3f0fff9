import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";
import { parseAllDocuments } from "yaml";
import { packageRoot } from "../../../src/root.js";
import { type Checkout, openCheckout } from "./checkout.js";
import { type Block, type Document, readMarkdown } from "./markdown.js";
import { openShell, type Shell } from "./shell.js";

/** How a document is run. */
export interface RunOptions {
  /** Whether `npm start` runs while the document is; it does unless told otherwise. */
  readonly server?: boolean;
  /** What stands in the place of texts of the document: the database of this test for that of the reader, for one. */
  readonly replaced?: Readonly<Record<string, string>>;
  /** Programs that are not here: blocks that call one are left out. */
  readonly without?: readonly string[];
  /** Folders with further programs. */
  readonly path?: readonly string[];
  /** The setting that names a file for the server; its content is the YAML block right after this text. */
  readonly serverFile?: { readonly setting: string; readonly after: string };
}

const blockTimeoutMs = 240_000;

/** Commands that have been run before any test is: they are there, and are not run again. */
const runBefore = /^npm (?:(start|test)(?: -- .*)?|run (build))(?: .*)?$/;

/** An answer of the API that is a failure: curl does not tell. */
const failure = /^\s*\{\s*"code":\s*"(?!canceled)[a-z_]+"(,\s*"message"|\s*\})/m;

/** Reads a document of this repository, by its path in it. */
export function documentOf(path: string): Document {
  return readMarkdown(path, readFileSync(join(packageRoot(), path), "utf8"));
}

/** Runs documents in one checkout, with one platform and one shell: each document once. */
export interface Session {
  run(path: string): Promise<void>;
  close(): Promise<void>;
}

/** Runs the shell blocks of a document in order, after those of the documents that it names, in a fresh checkout. */
export async function runDocument(path: string, options: RunOptions = {}): Promise<void> {
  const files = await mkdtemp(join(tmpdir(), "slipway-docs-files-"));
  try {
    const session = await openSession(options, await serverFileOf(path, options, files));
    await session.run(path).finally(() => session.close());
  } finally {
    await rm(files, { recursive: true, force: true });
  }
}

/** Opens a fresh checkout for documents that may run one after the other. */
export async function openSession(options: RunOptions = {}, serverEnv: NodeJS.ProcessEnv = {}): Promise<Session> {
  const checkout = await openCheckout({ server: options.server ?? true, serverEnv });
  const folders = [...(options.path ?? []), checkout.env.PATH];
  const env = { ...checkout.env, PATH: folders.join(delimiter) };
  const shell = await openShell(checkout.folder, checkout.scripts, env);
  const done = new Set<string>();
  return {
    async run(path) {
      for (const each of inOrder(path)) {
        if (done.has(each)) continue;
        await runBlocks(each, documentOf(each).blocks, { checkout, shell, options });
        done.add(each);
      }
    },
    async close() {
      await shell.close();
      await checkout.close();
    },
  };
}

async function serverFileOf(path: string, { serverFile }: RunOptions, folder: string): Promise<NodeJS.ProcessEnv> {
  if (serverFile === undefined) return {};
  const text = readFileSync(join(packageRoot(), path), "utf8");
  const line = text.slice(0, text.indexOf(serverFile.after)).split("\n").length;
  const block = documentOf(path).blocks.find((each) => each.language === "yaml" && each.line > line);
  if (block === undefined) throw new Error(`${path}: there is no YAML after "${serverFile.after}"`);
  const file = join(folder, "server.yaml");
  await writeFile(file, block.text);
  return { [serverFile.setting]: file };
}

/** The document after all that it comes after. */
function inOrder(path: string, seen: readonly string[] = []): string[] {
  if (seen.includes(path)) throw new Error(`${[...seen, path].join(" comes after ")}`);
  const before = documentOf(path).after.flatMap((link) =>
    inOrder(relative(packageRoot(), join(packageRoot(), dirname(path), link)), [...seen, path]),
  );
  return [...new Set([...before, path])];
}

interface Run {
  readonly checkout: Checkout;
  readonly shell: Shell;
  readonly options: RunOptions;
}

async function runBlocks(path: string, blocks: readonly Block[], run: Run): Promise<void> {
  for (const block of blocks) {
    if (block.language !== "sh" || block.directions.notRun !== undefined) continue;
    if (run.options.without?.some((program) => new RegExp(`\\b${program}\\b`).test(block.text))) continue;
    await runBlock(path, block, run);
  }
}

/** Throws where a block of YAML or JSON cannot be read. */
export function checkData(path: string, { language, line, text }: Block): void {
  if (language !== "yaml" && language !== "json") return;
  const problems = parseAllDocuments(text).flatMap(({ errors }) => errors);
  if (problems.length > 0) throw new Error(`${path}:${line}: ${problems.join("\n")}`);
}

async function runBlock(path: string, block: Block, { checkout, shell, options }: Run): Promise<void> {
  const script = Object.entries(options.replaced ?? {}).reduce(
    (text, [from, to]) => text.replaceAll(from, to),
    checkout.rewritten(withoutRunBefore(path, block)),
  );
  if (script.trim() === "") return;
  const { until, prints } = block.directions;
  const fail = (why: string, output: string) =>
    new Error(`${path}:${block.line}: ${why}\n${block.text}\n--- what it printed ---\n${output.slice(-4_000)}`);
  let output: string;
  try {
    output = await shell.run(script, { ...(until === undefined ? {} : { until }), timeoutMs: blockTimeoutMs });
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error), outputOf(error));
  }
  const missing = prints.filter((text) => !output.includes(text));
  if (missing.length > 0) throw fail(`did not print ${missing.join(", ")}`, output);
  if (prints.length === 0 && failure.test(output)) throw fail("a call failed", output);
}

/** The output of a script that failed. */
function outputOf(error: unknown): string {
  return typeof error === "object" && error !== null && "output" in error ? String(error.output) : "";
}

/** Without the lines that have been run before; each must be a script of the package. */
function withoutRunBefore(path: string, { line, text }: Block): string {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    readFileSync(join(packageRoot(), "package.json"), "utf8"),
  );
  const kept = text.split("\n").filter((each) => {
    const [, direct, named] = runBefore.exec(each.trim()) ?? [];
    const script = direct ?? named;
    if (script !== undefined && scripts[script] === undefined) {
      throw new Error(`${path}:${line}: the package has no script ${script}`);
    }
    return script === undefined;
  });
  return kept.join("\n");
}
