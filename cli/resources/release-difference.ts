import type { JsonObject } from "@bufbuild/protobuf";
import type { Release } from "../../gen/ts/deploy/v1/release_pb.js";
import type { Session } from "../session.js";

/** Prints what differs in what two releases run, as a unified patch; with -o json both sides. */
export async function printReleaseDifference(session: Session, from: Release, to: Release): Promise<void> {
  const [before, after] = [await contentOf(from), await contentOf(to)];
  const { format } = session.out;
  if (format === "json" || format === "yaml") {
    return await session.out.plain([], [{ from: before, to: after }], (item) => item);
  }
  const [{ createTwoFilesPatch }, { stringify }] = await Promise.all([import("diff"), import("yaml")]);
  const names = [`release ${from.number}`, `release ${to.number}`] as const;
  const patch = createTwoFilesPatch(...names, stringify(before), stringify(after), undefined, undefined, {
    context: 3,
  });
  const lines = patch.split("\n").slice(1);
  if (lines.length <= 3) return session.note(`releases ${from.number} and ${to.number} run the same`);
  process.stdout.write(lines.join("\n"));
}

/** What a release runs: not when, why and by whom. */
async function contentOf(release: Release): Promise<JsonObject> {
  const [{ toJson }, { ReleaseSchema }] = await Promise.all([
    import("@bufbuild/protobuf"),
    import("../../gen/ts/deploy/v1/release_pb.js"),
  ]);
  const all = toJson(ReleaseSchema, release) as JsonObject;
  const parts = ["source", "processes", "configuration", "placement"];
  return Object.fromEntries(Object.entries(all).filter(([name]) => parts.includes(name)));
}
