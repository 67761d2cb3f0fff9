import type { Bearer, Holds } from "./oracle.js";

/** Somebody who calls. */
export interface Principal extends Bearer {
  readonly name: string;
  /** Id of the owner of the token; undefined when the server cannot know it. */
  readonly user: string | undefined;
  /** A new Authorization header for the method of that path. */
  header(path: string): Promise<string | undefined>;
}

/** Makes a token, or key, for the method of that path. */
export type Mint = (path: string) => Promise<string>;

/** Somebody whose tokens carry these roles. */
export function holder(name: string, user: string, mint: Mint, holds: Holds): Principal {
  const header = async (path: string) => `Bearer ${await mint(path)}`;
  return { name, user, header, holds, proof: "good", permits: [], owner: {} };
}
