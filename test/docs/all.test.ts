import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/root.js";
import { allDocuments, documents, forgottenDocuments } from "./support/documents.js";
import { checkData, documentOf } from "./support/run-document.js";

const textOf = (path: string) => readFileSync(join(packageRoot(), path), "utf8");

/** The text of a document without its code. */
const prose = (path: string) =>
  textOf(path)
    .replace(/^ *```[\s\S]*?^ *```$/gm, "")
    .replace(/`[^`]*`/g, (code) => code.replace(/[[\]()]/g, ""));

const known = new Map<string, Set<string>>();

/** The anchors of a document's headings, as they are made by whoever shows it. */
function anchorsOf(path: string): Set<string> {
  const before = known.get(path);
  if (before !== undefined) return before;
  const headings = textOf(path)
    .replace(/^ *```[\s\S]*?^ *```$/gm, "")
    .matchAll(/^#{1,6} (.*)$/gm);
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading = ""] of headings) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}_ -]/gu, "").replace(/ /g, "-");
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    anchors.add(times === 0 ? anchor : `${anchor}-${times}`);
  }
  known.set(path, anchors);
  return anchors;
}

describe("all documents", () => {
  it("are run where they have commands", () => {
    expect(forgottenDocuments()).toEqual([]);
    expect(Object.keys(documents).filter((path) => !existsSync(join(packageRoot(), path)))).toEqual([]);
  });

  it("say why where a command is not run, and have YAML and JSON that can be read", () => {
    for (const path of allDocuments()) {
      for (const block of documentOf(path).blocks) {
        checkData(path, block);
        // A few words at least: who reads it wants to know why.
        if (block.directions.notRun !== undefined) expect(block.directions.notRun.length).toBeGreaterThan(20);
      }
    }
  });

  it("have links that lead somewhere", () => {
    const broken = allDocuments().flatMap((path) =>
      [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
        if (/^[a-z]+:/.test(link)) return [];
        const [file = "", anchor = ""] = link.split("#");
        const target = file === "" ? path : join(dirname(path), file);
        if (!existsSync(join(packageRoot(), target))) return [`${path}: ${link}`];
        return anchor === "" || !target.endsWith(".md") || anchorsOf(target).has(anchor) ? [] : [`${path}: ${link}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  it("are reached from the index", () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path) || !path.endsWith(".md") || !existsSync(join(packageRoot(), path))) return;
      reached.add(path);
      for (const [, link = ""] of prose(path).matchAll(/\]\(([^)#\s]+)/g)) {
        if (!/^[a-z]+:/.test(link)) visit(join(dirname(path), link));
      }
    };
    visit("docs/README.md");
    expect(allDocuments().filter((path) => !reached.has(path))).toEqual([]);
  });
});
