import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { stringify } from "yaml";
import type { Context, StoredSession } from "../../cli/config-file.js";
import { tokenSource } from "../../cli/tokens.js";

let folder: string;
const file = () => join(folder, "config.yaml");
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-tokens-"));
  vi.stubEnv("SLIPWAY_CONFIG", file());
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const past = new Date(0).toISOString();
const future = new Date(Date.now() + 3_600_000).toISOString();
const session = (name: string, expiresAt: string): StoredSession => ({
  accessToken: `access-${name}`,
  refreshToken: `refresh-${name}`,
  expiresAt,
});

/** A context whose session has to be renewed, also in the file. */
async function expired(): Promise<Context> {
  const context = { name: "here", url: "http://127.0.0.1:1", session: session("old", past) };
  await writeFile(file(), stringify({ current: "here", contexts: [context] }));
  return context;
}

const sourceOf = (context: Context, exchange: (refreshToken: string) => Promise<StoredSession>) =>
  tokenSource({ url: context.url, project: undefined, caFile: undefined, token: undefined, context }, exchange);

describe("the renewal of a session", () => {
  it("spends a refresh token once, however many calls ask at once", async () => {
    const context = await expired();
    const spent: string[] = [];
    const source = sourceOf(context, async (refreshToken) => {
      spent.push(refreshToken);
      return session("new", future);
    });
    const tokens = await Promise.all(Array.from({ length: 8 }, () => source.token()));
    expect([new Set(tokens), spent]).toEqual([new Set(["access-new"]), ["refresh-old"]]);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "is finished and kept before %s ends the process",
    async (signal) => {
      const context = await expired();
      const kill = vi.spyOn(process, "kill").mockImplementation(() => true);
      const before = process.listenerCount(signal);
      const source = sourceOf(context, async () => {
        // No test process may hear of it but the one that renews.
        for (const listener of process.listeners(signal).slice(before)) listener(signal);
        return session("new", future);
      });
      expect(await source.token()).toBe("access-new");
      expect(await readFile(file(), "utf8")).toContain("refresh-new");
      expect(kill).toHaveBeenCalledWith(process.pid, signal);
      expect(process.listenerCount(signal)).toBe(before);
    },
  );
});
