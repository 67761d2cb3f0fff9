import { Failure } from "../failure.js";
import { readIfThere } from "../files.js";

/** What `slipway dev` writes for its user. */
export interface DevFile {
  readonly url: string;
  readonly project: string;
  readonly tenant: string;
  readonly token: string;
}

/** Reads the file of a server of npm start, with the token of a role. */
export async function readDevFile(file: string, role: string): Promise<DevFile> {
  const text = await readIfThere(file);
  if (text === undefined) {
    throw new Failure("missing", `there is no ${file}`, [
      "It is written by npm start (slipway dev) in its folder: start that, or name the file with --dev FILE.",
    ]);
  }
  let given: Partial<Record<keyof DevFile, unknown>> & { tokens?: Readonly<Record<string, unknown>> };
  try {
    given = JSON.parse(text);
  } catch {
    throw new Failure("general", `${file} is no JSON`, ["Start npm start again: it writes the file anew."]);
  }
  const token = given.tokens?.[role];
  if (typeof token !== "string") {
    const roles = Object.keys(given.tokens ?? {}).join(", ");
    throw new Failure("usage", `${file} has no token for "${role}"`, [`--as takes: ${roles}`]);
  }
  return { url: String(given.url), project: String(given.project), tenant: String(given.tenant), token };
}
