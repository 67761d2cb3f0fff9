import { hash } from "node:crypto";

// One call asks for its token's digest several times, at once.
let lastToken = "";
let lastDigest = "";

/** What stands for a token where it is remembered: the secret itself is not kept, but for that of the last call. */
export function tokenDigest(token: string): string {
  if (token !== lastToken) {
    lastDigest = hash("sha256", token, "base64url");
    lastToken = token;
  }
  return lastDigest;
}
