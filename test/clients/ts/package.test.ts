import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { satisfies } from "semver";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { AuthService } from "../../../gen/ts/iam/v1/auth_pb.js";
import { newSecret } from "../../../src/auth/secrets.js";
import { ensurePersonalTenant } from "../../../src/resources/api/tenant/personal.js";
import { passwordResets } from "../../../src/resources/iam/principal/table.js";
import { deploymentsOf } from "../../resources/deploy/deployment/deployments.js";
import { clustersOf } from "../../resources/support/clusters.js";
import { startPlatform, type TestPlatform } from "../../support/platform.js";

/** What a page may weigh that lists clusters and watches them, in bytes after gzip. */
const mostBytes = 60_000;
const root = new URL("../../../", import.meta.url).pathname;
const examples = join(root, "clients/ts/examples");
const run = promisify(execFile);
const sources = async () => (await readdir(examples)).filter((name) => name.endsWith(".ts"));

let platform: TestPlatform;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "slipway-client-"));
  [platform] = await Promise.all([startPlatform({ env: { SLIPWAY_PASSWORD_SIGN_IN: "on" } }), install()]);
}, 300_000);
afterAll(async () => {
  await platform.close();
  await rm(home, { recursive: true });
});

/** Builds, packs and unpacks the package beside the libraries that it depends on, with the examples. */
async function install(): Promise<void> {
  await run("node", [join(root, "scripts/build-client.js")]);
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", home], {
    cwd: join(root, "dist/client"),
  });
  const modules = join(home, "node_modules");
  await mkdir(join(modules, "@slipway"), { recursive: true });
  await run("tar", ["xzf", join(home, stdout.trim()), "-C", home]);
  await cp(join(home, "package"), join(modules, "@slipway/client"), { recursive: true });
  for (const scope of ["@bufbuild", "@connectrpc", "@types"]) {
    await symlink(join(root, "node_modules", scope), join(modules, scope));
  }
  await Promise.all((await sources()).map((name) => cp(join(examples, name), join(home, name))));
  await writeFile(join(home, "package.json"), JSON.stringify({ private: true, type: "module" }));
}

const tsc = (...options: string[]) =>
  run(join(root, "node_modules/.bin/tsc"), ["--strict", "--target", "es2023", "--types", "node", ...options], {
    cwd: home,
  }).catch((error: { stdout: string }) => expect.fail(error.stdout));

const env = (more: Record<string, string> = {}) => ({
  PATH: process.env.PATH ?? "",
  SLIPWAY_URL: platform.url,
  SLIPWAY_TOKEN: platform.tokens.owner,
  SLIPWAY_PROJECT: platform.project,
  ...more,
});

describe("the package", () => {
  it("names versions that are those of this repository", async () => {
    const read = async (path: string) => JSON.parse(await readFile(join(root, path), "utf8"));
    const [own, whole] = await Promise.all([read("clients/ts/package.json"), read("package.json")]);
    expect(own.version).toBe(whole.version);
    const installed = { ...whole.devDependencies, ...whole.dependencies };
    for (const [name, range] of Object.entries<string>(own.dependencies)) {
      expect(satisfies(installed[name], range), `${name} ${installed[name]} is not ${range}`).toBe(true);
    }
  });

  it("holds nothing that leads out of it", async () => {
    const folder = join(home, "package");
    const files = await readdir(folder, { recursive: true });
    const own = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const code = files.filter((name) => /\.(js|d\.ts)$/.test(name));
    expect(code.length).toBeGreaterThan(90);
    for (const name of code) {
      const depth = name.split("/").length - 1;
      for (const [, from = ""] of (await readFile(join(folder, name), "utf8")).matchAll(/\bfrom "([^"]+)"/g)) {
        if (from.startsWith(".")) expect(from.split("../").length - 1, `${name}: ${from}`).toBeLessThanOrEqual(depth);
        else expect(Object.keys(own.dependencies)).toContain(from.split("/").slice(0, 2).join("/"));
      }
    }
  });

  it.each([
    ["in Node.js", ["--module", "nodenext", "--lib", "es2023", "--skipLibCheck", "--outDir", "."]],
    ["with a bundler", ["--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2023,dom", "--noEmit"]],
    ["for browsers", ["--module", "nodenext", "--customConditions", "browser", "--lib", "es2023,dom", "--noEmit"]],
  ])("is typed %s", async (_, options) => {
    await tsc(...options, ...(await sources()));
    await writeFile(
      join(home, "wrong.ts"),
      'import { openSlipway } from "@slipway/client";\nopenSlipway({ url: 1 });\n',
    );
    const wrong = run(join(root, "node_modules/.bin/tsc"), ["--strict", ...options, "--noEmit", "wrong.ts"], {
      cwd: home,
    });
    await expect(wrong).rejects.toMatchObject({ stdout: expect.stringContaining("TS2322") });
  });

  it.each([
    ["node", "node.js"],
    ["browser", "browser.js"],
  ])("is %s's under that condition", async (condition, file) => {
    await writeFile(join(home, "which.js"), 'console.log(import.meta.resolve("@slipway/client"));\n');
    const { stdout } = await run("node", [`--conditions=${condition}`, "which.js"], { cwd: home });
    expect(stdout.trim().endsWith(`@slipway/client/${file}`)).toBe(true);
  });

  it("works from plain JavaScript", async () => {
    await writeFile(
      join(home, "plain.js"),
      `import { openSlipway } from "@slipway/client";
       import { AuthService } from "@slipway/client/gen/iam/v1/auth_pb.js";
       const slipway = openSlipway({ url: process.env.SLIPWAY_URL, token: process.env.SLIPWAY_TOKEN });
       console.log((await slipway.client(AuthService).whoAmI({})).principal.id);`,
    );
    for (const condition of ["node", "browser"]) {
      const { stdout } = await run("node", [`--conditions=${condition}`, "plain.js"], { cwd: home, env: env() });
      expect(stdout.trim()).toBe(platform.tenant);
    }
  });
});

describe("the examples", () => {
  beforeAll(async () => {
    await tsc("--module", "nodenext", "--lib", "es2023", "--skipLibCheck", ...(await sources()));
  }, 120_000);
  const output = async (name: string, more: Record<string, string> = {}) =>
    (await run("node", [name], { cwd: home, env: env(more) })).stdout;

  it("first-call.ts lists clusters", async () => {
    const { name, kubernetes } = await clustersOf(platform).create();
    expect(await output("first-call.js")).toBe(`${name} runs Kubernetes ${kubernetes?.version}\n`);
  });

  it("errors.ts shows which field is wrong", async () => {
    expect(await output("errors.js")).toMatch(/^InvalidArgument: .*name.*\n- name: .*12.*\n/);
  });

  it("session.ts signs in", async () => {
    const [login, password] = ["reader", "correct horse battery"];
    const { db, newId, clock } = platform.platform;
    await ensurePersonalTenant(db, login, { now: clock(), newId });
    const { secret, digest } = newSecret("passwordReset", newId());
    const expiresAt = new Date(Date.now() + 3_600_000);
    await db.insert(passwordResets).values({ digest, principal: login, createdBy: "root", expiresAt });
    const proof = { case: "resetCode", value: secret } as const;
    await platform.client(AuthService).setPassword({ username: login, proof, newPassword: password });
    const user = { SLIPWAY_USER: login, SLIPWAY_PASSWORD: password };
    expect(await output("session.js", user)).toBe("signed in as reader\n");
  });

  it("watch-deployments.ts tells of deployments until it is stopped", async () => {
    const all = await deploymentsOf(platform, platform);
    const child = spawn("node", ["watch-deployments.js"], { cwd: home, env: env() });
    let said = "";
    child.stdout.on("data", (data) => {
      said += data;
    });
    const exit = once(child, "exit");
    try {
      const { deployment } = await all.create();
      await vi.waitFor(() => expect(said).toContain(`${deployment?.name} WORKING`), { timeout: 45_000 });
      expect(said).toMatch(/^connecting/);
    } finally {
      child.kill("SIGTERM");
    }
    expect(await exit).toEqual([0, null]);
  });

  it("browser.ts makes a small bundle that lists clusters and watches them", async () => {
    const file = join(home, "page.js");
    const result = await build({
      root: home,
      configFile: false,
      logLevel: "error",
      // The links to the libraries stand for folders.
      resolve: { preserveSymlinks: true },
      build: { write: false, minify: true, lib: { entry: join(home, "browser.ts"), formats: ["es"] } },
    });
    const [chunk, ...more] = [result].flat().flatMap((part) => ("output" in part ? part.output : []));
    if (chunk?.type !== "chunk" || more.length > 0) throw new Error("one chunk was expected");
    const bytes = gzipSync(chunk.code).length;
    console.log(`a page that lists and watches clusters: ${bytes} bytes after gzip`);
    expect(bytes).toBeLessThan(mostBytes);
    expect(chunk.code).not.toMatch(/from\s*["']node:|require\(["']/);

    await writeFile(file, chunk.code);
    const { showClusters } = await import(/* @vite-ignore */ pathToFileURL(file).href);
    const { project } = platform;
    const { uuid, name } = await clustersOf(platform).create();
    const lines: string[] = [];
    const stop = new AbortController();
    const token = async () => platform.tokens.owner;
    const shown = showClusters({ url: platform.url, token, project }, (line: string) => lines.push(line), stop.signal);
    await clustersOf(platform).succeeded(uuid);
    await vi.waitFor(() => expect(lines).toContain(`${name} Succeeded 100 %`), { timeout: 45_000 });
    stop.abort();
    await shown;
  }, 120_000);
});

it("docs/clients/typescript.md shows the examples as they are", async () => {
  const doc = await readFile(join(root, "docs/clients/typescript.md"), "utf8");
  const shown = [...doc.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
  const names = await sources();
  const texts = await Promise.all(names.map((name) => readFile(join(examples, name), "utf8")));
  for (const [at, text] of texts.entries()) expect(shown, `${names[at]} is not shown`).toContain(text);
  expect(shown).toHaveLength(texts.length);
});
