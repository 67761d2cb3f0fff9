import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buf, root } from "./run.js";
import { withTemporaryDirectory } from "./temporary.js";

/**
 * Names each file under gen/ and docs/reference that a fresh generation would add, change or remove; gen/go has a
 * generation of its own.
 */
export function staleGeneratedCode(): string[] {
  return withTemporaryDirectory((temporary) => {
    const generation = buf("generate", "--output", temporary);
    if (!generation.ok) return generation.text.split("\n");
    const folders = [...readdirSync(join(temporary, "gen")).map((folder) => join("gen", folder)), "docs/reference"];
    return folders.flatMap((folder) =>
      directoryDifferences(join(temporary, folder), join(root, folder)).map(
        (difference) => `${folder}/${difference}: run npm run generate`,
      ),
    );
  });
}

/** Names each file in which a directory differs from the one that it should equal. */
export function directoryDifferences(expected: string, actual: string): string[] {
  const wanted = filesIn(expected);
  const found = filesIn(actual);
  return [...new Set([...wanted, ...found])].sort().flatMap((path) => {
    if (!found.has(path)) return [`${path} is missing`];
    if (!wanted.has(path)) return [`${path} has no source`];
    return readFileSync(join(expected, path)).equals(readFileSync(join(actual, path))) ? [] : [`${path} is stale`];
  });
}

function filesIn(directory: string): Set<string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const prefix = directory.length + 1;
  return new Set(
    entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(prefix)),
  );
}
