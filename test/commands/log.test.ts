import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { packageRoot } from "../../src/root.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";
import { logLines, type TestProcesses, testProcesses } from "../support/process.js";

describe("the log of a process", () => {
  let processes: TestProcesses;
  let directory: string;
  beforeAll(async () => {
    processes = testProcesses();
    directory = await mkdtemp(join(tmpdir(), "slipway-log-"));
  });
  afterAll(async () => {
    await processes?.killAll();
    await rm(directory, { recursive: true, force: true });
  });

  /** Writes a thousand lines and then does something. */
  async function run(then: string) {
    const script = join(directory, "script.mts");
    const log = pathToFileURL(join(packageRoot(), "src", "commands", "log.ts")).href;
    await writeFile(
      script,
      `import { openLog } from ${JSON.stringify(log)};
       const log = await openLog({ logLevel: "info" }, { base: { process: 7 } });
       for (let n = 0; n < 1000; n += 1) log.info({ n }, "line");
       ${then}`,
    );
    const program = processes.node(["--import", "tsx", script]);
    return { program, lines: () => logLines(program.stderr).filter(({ msg }) => msg === "line") };
  }
  const all = Array.from({ length: 1000 }, (_, n) => expect.objectContaining({ n, process: 7, level: 30 }));

  test.each([
    ["ends", "", { code: 0, signal: null }],
    ["exits", "process.exit(3);", { code: 3, signal: null }],
    ["fails", "throw new Error('of the test');", { code: 1, signal: null }],
    ["fails later", "setTimeout(() => { throw new Error('of the test'); }, 1);", { code: 1, signal: null }],
    ["loses a promise", "void Promise.reject(new Error('of the test'));", { code: 1, signal: null }],
  ])("has every line, once and in order, when the process %s", async (_, then, exit) => {
    const { program, lines } = await run(then);
    expect(await program.exit).toEqual(exit);
    expect(lines()).toEqual(all);
  });

  test("shows the last line though nothing comes after it", async () => {
    const { program, lines } = await run("setInterval(() => {}, 60_000);");
    await vi.waitFor(() => expect(lines()).toEqual(all), { timeout: 20_000 });
    await program.kill();
  });
});

describe("SLIPWAY_LOG_SAMPLE_READS", () => {
  let platform: TestPlatform;
  beforeAll(async () => {
    platform = await startPlatform({ env: { SLIPWAY_LOG_SAMPLE_READS: "5" }, background: false });
  });
  afterAll(() => platform?.close());

  test("leaves out most successful reads, and no refusal and no write", async () => {
    const { project, tokens } = platform;
    const clusters = platform.client(ClusterService);
    for (let i = 0; i < 20; i += 1) await clusters.list({ project }, as(tokens.viewer));
    for (let i = 0; i < 6; i += 1) {
      const refused = await clusters.list({ project }).catch(ConnectError.from);
      expect(refused).toMatchObject({ code: Code.Unauthenticated });
      await clusters.create({ project, name: `cluster-${i}` }, as(tokens.editor));
    }
    const lines = (method: string, code: string) =>
      platform.lines.filter((line) => line.rpc === `/api.v1.ClusterService/${method}` && line.code === code);
    await vi.waitFor(() => expect(lines("Create", "ok")).toHaveLength(6));
    expect(lines("List", "ok")).toHaveLength(4);
    expect(lines("List", "ok").every(({ oneIn }) => oneIn === 5)).toBe(true);
    expect(lines("List", "unauthenticated")).toHaveLength(6);
    expect([...lines("Create", "ok"), ...lines("List", "unauthenticated")].some(({ oneIn }) => oneIn)).toBe(false);
  });

  test("is in the documentation of the settings, as all are", async () => {
    const text = await readFile(join(packageRoot(), "docs", "configuration.md"), "utf8");
    for (const name of ["SLIPWAY_LOG_SAMPLE_READS", "SLIPWAY_PROCESSES"]) expect(text).toContain(`| \`${name}\` |`);
  });
});
