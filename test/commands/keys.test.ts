import { randomBytes } from "node:crypto";
import { decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needsPostgres, openTestDatabase, postgresUrl, type TestDatabase } from "../support/database.js";
import { type TestProcesses, testProcesses } from "../support/process.js";

if (postgresUrl === undefined) console.warn(`the test of slipway keys ${needsPostgres}`);

let processes: TestProcesses;
beforeAll(() => {
  processes = testProcesses();
});
afterAll(() => processes?.killAll());

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const process = processes.slipway(args, env);
  const { code } = await process.exit;
  return { code, stdout: process.stdout, stderr: process.stderr };
}

test.each([
  [["keys", "rotate", "--publish-first", "soon"], 2, "It must be a whole number from 0 to 604800."],
  [["keys", "rotate", "--publish-first", "-1"], 2, "It must be a whole number from 0 to 604800."],
  [["keys", "remove"], 2, "error: missing required argument 'kid'"],
  [["keys", "rotate"], 1, "slipway: not set: DATABASE_URL"],
  [["keys", "list"], 1, "slipway: not set: DATABASE_URL"],
])("%j is refused with %i and a clear message", async (args, code, message) => {
  const refused = await run(args);
  expect(refused.code).toBe(code);
  expect(refused.stderr).toContain(message);
});

describe.skipIf(postgresUrl === undefined)(`on PostgreSQL (${needsPostgres})`, { timeout: 120_000 }, () => {
  const first = `first:${randomBytes(32).toString("base64")}`;
  const second = `second:${randomBytes(32).toString("base64")}`;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase();
  });
  afterAll(() => database?.close());

  const env = (keyring: string) => ({ DATABASE_URL: database.url, SLIPWAY_KEYRING: keyring });
  const ok = async (args: readonly string[], keyring = first): Promise<string> => {
    const { code, stdout, stderr } = await run(args, env(keyring));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };
  const states = async () => {
    const lines = (await ok(["keys", "list"])).trim().split("\n");
    return new Map(lines.map((line) => [line.split("  ")[0] ?? "", line.split("  ")[3] ?? ""]));
  };

  test("keys come, sign, verify and go; the seals change with the keyring", async () => {
    const token = await ok(["token", "create", "--user", "root", "--admin", "editor"]);
    const old = decodeProtectedHeader(token).kid ?? "";
    expect(await states()).toEqual(new Map([[old, "signs"]]));

    const prepared = (await ok(["keys", "rotate"])).trim();
    expect(await states()).toEqual(
      new Map([
        [prepared, "is published"],
        [old, "signs"],
      ]),
    );
    const now = (await ok(["keys", "rotate", "--publish-first", "0"])).trim();
    expect(await states()).toEqual(
      new Map([
        [now, "signs"],
        [prepared, "is published"],
        [old, "verifies"],
      ]),
    );
    const refused = await run(["keys", "remove", old], env(first));
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain(`1 token is alive that key ${old} may have signed`);
    expect((await run(["keys", "remove", now], env(first))).stderr).toContain(`key ${now} signs`);
    expect((await run(["keys", "remove", "none"], env(first))).stderr).toBe("slipway: there is no key none\n");
    await ok(["keys", "remove", old, "--force"]);
    await ok(["keys", "remove", prepared, "--force"]);
    expect(await states()).toEqual(new Map([[now, "signs"]]));

    expect(await ok(["keys", "reseal"], `${second},${first}`)).toContain("signing_keys.private_jwe  1 resealed\n");
    await ok(["token", "create", "--user", "root"], second);
    const lost = await run(["keys", "reseal"], env(first));
    expect(lost.code).toBe(1);
    expect(lost.stderr).toContain("no key of SLIPWAY_KEYRING opens 1 of signing_keys.private_jwe");
  });
});
