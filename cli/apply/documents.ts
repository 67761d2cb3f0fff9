import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Document, LineCounter, Node, YAMLMap } from "yaml";
import { Failure } from "../failure.js";
import { readStdin } from "../prompt.js";

/** One thing of a file: its fields, and where they are. */
export interface ManifestDocument {
  readonly kind: string;
  /** As it was given; undefined for the project of the command. */
  readonly project: string | undefined;
  /** The rest of the fields. */
  readonly fields: readonly ManifestField[];
  readonly at: Place;
  /** The folder of the file, from which files are named. */
  readonly folder: string;
}

/** A field with its node, for messages that name its line. */
export interface ManifestField {
  readonly key: string;
  readonly keyAt: Place;
  readonly value: Node | null;
}

/** Where something stands, as in "web.yaml:3:5". */
export type Place = string;

/** Tells where a node stands. */
export type Locate = (node: Node | null | undefined) => Place;

/** A file with its documents. */
export interface Manifest {
  readonly documents: readonly ManifestDocument[];
  readonly locate: (document: ManifestDocument, node: Node | null | undefined) => Place;
}

const mostInput = 16 * 1024 * 1024;
const mostFiles = 1000;

/** Reads all documents of files, folders (those in them that end in .yaml, .yml or .json) and - for standard input. */
export async function readManifests(paths: readonly string[]): Promise<Manifest> {
  const locators = new Map<ManifestDocument, Locate>();
  const faults: string[] = [];
  for (const { name, folder, text } of await readTexts(paths)) {
    for (const { document, locate } of await parse(name, folder, text, faults)) locators.set(document, locate);
  }
  if (faults.length > 0) throw new Failure("invalid", "the files are not valid; nothing was changed", faults);
  if (locators.size === 0) throw new Failure("usage", "the files have nothing in them");
  return {
    documents: [...locators.keys()],
    locate: (document, node) => (node == null ? document.at : (locators.get(document)?.(node) ?? document.at)),
  };
}

interface Text {
  readonly name: string;
  readonly folder: string;
  readonly text: string;
}

async function readTexts(paths: readonly string[]): Promise<Text[]> {
  const texts: Text[] = [];
  for (const path of paths) {
    if (path === "-") texts.push({ name: "stdin", folder: ".", text: await readStdin(mostInput) });
    else for (const file of await filesOf(path)) texts.push(await readText(file));
  }
  return texts;
}

async function readText(file: string): Promise<Text> {
  const text = await readFile(file, "utf8");
  if (text.length > mostInput) throw new Failure("usage", `${file} is longer than ${mostInput} bytes`);
  return { name: relative("", file) || file, folder: dirname(file), text };
}

async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new Failure("usage", `there is no file ${path}`);
  if (!found.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => /\.(?:ya?ml|json)$/.test(name)).sort();
  if (names.length === 0) throw new Failure("usage", `${path} has no files that end in .yaml, .yml or .json`);
  if (names.length > mostFiles) throw new Failure("usage", `${path} has more than ${mostFiles} files`);
  return names.map((name) => join(path, name));
}

async function parse(name: string, folder: string, text: string, faults: string[]) {
  const { LineCounter, parseAllDocuments } = await import("yaml");
  const lines = new LineCounter();
  // Sixty-four bit numbers keep all their digits.
  const documents = parseAllDocuments(text, { lineCounter: lines, intAsBigInt: false, merge: true });
  const all = Array.isArray(documents) ? (documents as readonly Document[]) : [];
  const found: { document: ManifestDocument; locate: Locate }[] = [];
  for (const document of all) {
    const locate = locator(name, lines);
    for (const error of document.errors) {
      faults.push(`${placeOf(name, lines, error.pos[0])}: ${error.message.split("\n")[0] ?? ""}`);
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    const one = await documentOf(document, folder, locate, faults);
    if (one !== undefined) found.push({ document: one, locate });
  }
  return found;
}

async function documentOf(
  document: Document,
  folder: string,
  locate: Locate,
  faults: string[],
): Promise<ManifestDocument | undefined> {
  const { isMap, isScalar } = await import("yaml");
  const { contents } = document;
  const at = locate(contents as Node);
  if (!isMap(contents)) return void faults.push(`${at}: it must be a mapping that begins with kind:`);
  const pairs = (contents as YAMLMap<Node, Node | null>).items;
  const fields: ManifestField[] = [];
  const head: Record<string, string> = {};
  for (const { key, value } of pairs) {
    const name = isScalar(key) ? String(key.value) : "";
    if (name !== "kind" && name !== "project") fields.push({ key: name, keyAt: locate(key), value });
    else if (isScalar(value) && typeof value.value === "string") head[name] = value.value;
    else faults.push(`${locate(key)}: ${name} must be text`);
  }
  if (head.kind === undefined) return void faults.push(`${at}: kind is missing`);
  return { kind: head.kind, project: head.project, fields, at, folder };
}

function locator(name: string, lines: LineCounter): Locate {
  return (node) => (node?.range == null ? name : placeOf(name, lines, node.range[0]));
}

function placeOf(name: string, lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return `${name}:${line}:${col}`;
}
