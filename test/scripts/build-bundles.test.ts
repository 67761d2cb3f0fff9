import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildBundles, type RunTool } from "../../scripts/build-bundles.js";
import { packageRoot } from "../../src/root.js";

let root: string;
let builds: (readonly string[])[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-build-"));
  builds = [];
  await write("console/index.html", "page");
  await write("console/vite.config.ts", "");
  await write("console/src/main.ts", "1");
  await write("gen/ts/a/v1/a_pb.ts", "2");
  await write("clients/ts/src/node.ts", "3");
  await write("package-lock.json", "{}");
  await write("node_modules/.bin/vite", "");
});
afterEach(() => rm(root, { recursive: true }));

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

/** Plays Vite: writes how often it has run. */
const play: RunTool = (name, args) => {
  expect([name, ...args.slice(0, 2)]).toEqual(["vite", "build", "--config"]);
  builds.push(args);
  const folder = args[args.indexOf("--outDir") + 1] ?? "";
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "index.html"), `build ${builds.length}`);
};
const built = () => readFile(join(root, "dist", "console", "index.html"), "utf8");

describe("building the console", () => {
  it("is done once, and again when something that it is made of has changed", async () => {
    buildBundles(root, play);
    buildBundles(root, play);
    expect(await built()).toBe("build 1");
    let expected = 1;
    for (const [path, content] of [
      ["console/src/main.ts", "other"],
      ["console/src/app/more.tsx", ""],
      ["gen/ts/a/v1/a_pb.ts", "other"],
      ["clients/ts/src/node.ts", "other"],
      ["package-lock.json", "other"],
    ] as const) {
      await write(path, content);
      buildBundles(root, play);
      buildBundles(root, play);
      expected += 1;
      expect([path, await built()]).toEqual([path, `build ${expected}`]);
    }
    await rm(join(root, "console/src/app/more.tsx"));
    buildBundles(root, play);
    expect(await built()).toBe(`build ${expected + 1}`);
  });

  it("is not done for tests, other folders, or files that were only touched", async () => {
    buildBundles(root, play);
    await write("console/src/main.test.ts", "");
    await write("console/node_modules/.vite/cache", "");
    await write("src/main.ts", "");
    await utimes(join(root, "console/index.html"), 1, 1);
    buildBundles(root, play);
    expect(builds).toHaveLength(1);
  });

  it("leaves the old one where the new one fails, and says so; nothing else is left", async () => {
    buildBundles(root, play);
    await write("console/src/main.ts", "broken");
    const fail: RunTool = () => {
      throw new Error("exit 1");
    };
    expect(() => buildBundles(root, fail)).toThrow("the console could not be built");
    expect(await built()).toBe("build 1");
    expect(await readdir(join(root, "dist"))).toEqual(["console"]);
    buildBundles(root, play);
    expect(await built()).toBe("build 2");
  });

  it("is apart from the building of the program, which others may read as well", async () => {
    await write("cli/vite.config.ts", "");
    await write("src/main.ts", "1");
    buildBundles(root, play);
    expect(builds.map((args) => args[2])).toEqual(["console/vite.config.ts", "cli/vite.config.ts"]);
    await write("src/main.ts", "2");
    buildBundles(root, play);
    expect(builds.map((args) => args[2]).slice(2)).toEqual(["cli/vite.config.ts"]);
    for (const name of ["console", "program"]) {
      expect((await stat(join(root, "dist", name))).mode & 0o777).toBe(0o755);
    }
  });

  it("says what is missing, and needs nothing where there is no console", async () => {
    await rm(join(root, "node_modules"), { recursive: true });
    expect(() => buildBundles(root, play)).toThrow("Vite is missing; npm ci --include=dev installs it");
    await rm(join(root, "console"), { recursive: true });
    buildBundles(root, play);
    expect(builds).toEqual([]);
  });

  it("may be done by several processes at once", async () => {
    const script = `
      import { mkdirSync, writeFileSync } from "node:fs";
      import { buildBundles } from ${JSON.stringify(pathToFileURL(join(packageRoot(), "scripts/build-bundles.js")))};
      const play = (_, args) => {
        const folder = args[args.indexOf("--outDir") + 1];
        mkdirSync(folder + "/assets", { recursive: true });
        for (const name of ["index.html", "assets/a.js", "assets/b.js"]) writeFileSync(folder + "/" + name, "whole");
      };
      for (let turn = 0; turn < 50; turn += 1) {
        writeFileSync(${JSON.stringify(root)} + "/package-lock.json", process.pid + " " + turn);
        buildBundles(${JSON.stringify(root)}, play);
      }`;
    const run = () => promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
    await Promise.all([run(), run(), run()]);
    const files = await readdir(join(root, "dist"), { recursive: true });
    expect(files.sort()).toEqual([
      "console",
      "console/.built-from",
      "console/assets",
      "console/assets/a.js",
      "console/assets/b.js",
      "console/index.html",
    ]);
  });
});
