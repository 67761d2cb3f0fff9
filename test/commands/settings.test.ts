import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestProcesses, testProcesses } from "../support/process.js";

let processes: TestProcesses;
beforeAll(() => {
  processes = testProcesses();
});
afterAll(() => processes?.killAll());

async function fails(args: readonly string[], env: NodeJS.ProcessEnv = {}, code = 1): Promise<string> {
  const process = processes.slipway(args, env);
  expect(await process.exit).toEqual({ code, signal: null });
  expect(process.stdout).toBe("");
  // No stack trace.
  expect(process.stderr).not.toMatch(/^\s+at /m);
  return process.stderr;
}

describe("what a command lacks is named at once", () => {
  const database = "DATABASE_URL, the PostgreSQL database, as in postgres://user@host:5432/slipway";
  const keyring = "SLIPWAY_KEYRING, the keys of the secrets in it, as ID:BASE64 of 32 bytes";

  test.each([[["serve"]], [["worker"]], [["issue-token", "--user", "root"]]])("%j", async (args) => {
    expect(await fails(args)).toBe(`slipway: not set: ${database}; ${keyring}\n`);
    const env = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
    expect(await fails(args, env)).toBe(`slipway: not set: ${keyring}\n`);
  });

  test("migrate", async () => {
    expect(await fails(["migrate"])).toBe(`slipway: not set: ${database}\n`);
  });
});

test("all faults of the environment are named in one line, without secrets", async () => {
  const env = {
    DATABASE_URL: "mysql://user:hunter2@host/db",
    SLIPWAY_LISTEN: "nowhere",
    SLIPWAY_RATE_LIMIT: "many",
    SLIPWAY_PROCESSES: "1.5",
    SLIPWAY_LOG_SAMPLE_READS: "0",
    SLIPWAY_KEYRING: "short:c2VjcmV0",
    SLIPWAY_TLS_CERT_FILE: "cert.pem",
  };
  for (const command of ["dev", "serve", "worker", "migrate"]) {
    const line = await fails([command], env);
    expect(line).toMatch(/^slipway: bad configuration: [^\n]+\n$/);
    for (const name of [...Object.keys(env), "SLIPWAY_TLS_KEY_FILE"]) expect(line).toContain(name);
    for (const secret of ["hunter2", "c2VjcmV0"]) expect(line).not.toContain(secret);
  }
});

test.each([
  [["dev", "--listen", "8080"], "error: option '--listen <address>' argument '8080' is invalid. It must be HOST:PORT"],
  [
    ["dev", "--time-scale", "0"],
    "error: option '--time-scale <n>' argument '0' is invalid. It must be a number above 0",
  ],
  [["dev", "--time-scale", "fast"], "error: option '--time-scale <n>' argument 'fast' is invalid."],
  [["dev", "--frob"], "error: unknown option '--frob'"],
  [["serve", "--processes", "0"], "argument '0' is invalid. It must be a whole number from 1 to 128."],
  [["serve", "--processes", "many"], "argument 'many' is invalid. It must be a whole number from 1 to 128."],
  [["serve", "now"], "error: too many arguments for 'serve'."],
  [["frob"], "error: unknown command 'frob'"],
  [["issue-token"], "error: required option '--user <login>' not specified"],
  [["issue-token", "--user", "x", "--admin", "owner"], "argument 'owner' is invalid. It must be editor or viewer."],
  [["issue-token", "--user", "x", "--expires", "60"], "It must be a whole number from 600 to 31536000."],
])("the command line %j is refused with 2 and a clear message", async (args, message) => {
  expect((await fails(args, {}, 2)).split("\n")[0]).toContain(message);
});

test("slipway dev is one process, and so is its database", async () => {
  expect(await fails(["dev"], { SLIPWAY_PROCESSES: "2" })).toBe(
    "slipway: SLIPWAY_PROCESSES is for slipway serve: slipway dev is one process, as its database is in it\n",
  );
});

test("a server of several processes says once what it lacks", async () => {
  expect(await fails(["serve", "--processes", "2"], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" })).toBe(
    "slipway: not set: SLIPWAY_KEYRING, the keys of the secrets in it, as ID:BASE64 of 32 bytes\n",
  );
});

test("a PostgreSQL that nobody serves is named without its password", async () => {
  const env = { DATABASE_URL: "postgres://user:hunter2@127.0.0.1:1/none" };
  expect(await fails(["migrate"], env)).toBe(
    "slipway: the database of DATABASE_URL cannot be used: connect ECONNREFUSED 127.0.0.1:1\n",
  );
});
