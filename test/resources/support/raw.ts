import { expect } from "vitest";
import type { TestPlatform } from "../../support/platform.js";
import { clustersOf } from "./clusters.js";

/** A unary call of the Connect protocol as bytes; answers the HTTP status and the error's code. */
export async function postTo(
  { url }: TestPlatform,
  path: string,
  type: string,
  body: string | Uint8Array,
  token: string,
): Promise<{ readonly status: number; readonly code: string; readonly text: string }> {
  const headers = { "content-type": type, authorization: `Bearer ${token}` };
  const response = await fetch(url + path, { method: "POST", headers, body: body as never });
  const text = await response.text();
  return { status: response.status, code: /"code":\s*"(\w+)"/.exec(text)?.[1] ?? "", text };
}

/** Whatever came in, with these tokens too: the server is as well as before, has logged no defect, and has told no secret. */
export async function expectUnharmed(platform: TestPlatform, used: readonly string[] = []): Promise<void> {
  expect((await fetch(`${platform.url}/readyz`)).status).toBe(200);
  expect((await clustersOf(platform).create()).status?.state).toBe("Pending");
  // A content type that there is not has no code: its line says "unknown".
  const unread = (err: unknown) => err === "refused before it was decoded";
  const loud = platform.lines.filter(({ level, msg, err }) => msg === "defect" || (level >= 50 && !unread(err)));
  expect(loud).toEqual([]);
  const text = JSON.stringify(platform.lines);
  for (const token of [platform.adminToken, ...Object.values(platform.tokens), ...used]) {
    expect(text).not.toContain(token.split(".")[2]);
  }
}
