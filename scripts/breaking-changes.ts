import { join } from "node:path";
import { run } from "./run.js";
import { withTemporaryDirectory } from "./temporary.js";

const modules = ["buf.yaml", "proto", "third_party"];

/** What a comparison with an earlier contract came to. */
export interface Comparison {
  /** What it was compared with, or why with nothing. */
  readonly against: string;
  /** One line per breaking change. */
  readonly problems: readonly string[];
}

/**
 * Compares the contract in a working tree with the one in its git history: on a
 * branch with the commit where it left main, on main with the commit before. It
 * works on a detached HEAD, in a shallow clone and without a network; where the
 * history holds no earlier contract, there is nothing to break.
 */
export function breakingChanges(directory: string): Comparison {
  const base = baseCommit(directory);
  if (base === undefined) return { against: "nothing: there is no earlier commit here", problems: [] };
  const present = modules.filter((path) => git(directory, "cat-file", "-e", `${base}:${path}`) !== undefined);
  if (!present.includes("proto")) return { against: `nothing: ${base} has no proto directory`, problems: [] };
  return withTemporaryDirectory((temporary) => {
    const archive = join(temporary, "base.tar");
    const packed = run(directory, "git", "archive", "--output", archive, base, ...present);
    if (!packed.ok) throw new Error(`git archive ${base}: ${packed.text}`);
    const compared = run(directory, "buf", "breaking", "--against", archive);
    return { against: base, problems: compared.ok ? [] : compared.text.split("\n") };
  });
}

// origin/main comes first: in a clone for CI it is there even if no local main is.
function baseCommit(directory: string): string | undefined {
  const head = git(directory, "rev-parse", "--verify", "--quiet", "HEAD");
  for (const main of ["origin/main", "main"]) {
    const fork = git(directory, "merge-base", main, "HEAD");
    if (fork !== undefined && fork !== head) return fork;
  }
  return git(directory, "rev-parse", "--verify", "--quiet", "HEAD~1");
}

function git(directory: string, ...args: string[]): string | undefined {
  const { ok, output } = run(directory, "git", ...args);
  return ok ? output.toString().trim() : undefined;
}
