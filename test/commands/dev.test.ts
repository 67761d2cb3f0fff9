import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ClusterService as AdminClusterService } from "../../gen/ts/admin/v1/cluster_pb.js";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { TenantRole } from "../../gen/ts/api/v1/common_pb.js";
import { PaymentService } from "../../gen/ts/api/v1/payment_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { AuthService } from "../../gen/ts/iam/v1/auth_pb.js";
import type { DevInfo } from "../../src/commands/dev-data.js";
import { openKube } from "../../src/kube/client.js";
import { keys, shoots } from "../../src/resources/api/cluster/gardener-types.js";
import { packageRoot } from "../../src/root.js";
import { as } from "../support/platform.js";
import { type TestProcess, type TestProcesses, testProcesses } from "../support/process.js";

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 25 });

let directory: string;
let processes: TestProcesses;
let running: TestProcess;
let info: DevInfo;

beforeAll(async () => {
  processes = testProcesses();
  directory = await mkdtemp(join(tmpdir(), "slipway-dev-"));
  await start();
}, 180_000);
afterAll(async () => {
  await processes?.killAll();
  await rm(directory, { recursive: true, force: true });
});

const dev = (listen = "127.0.0.1:0", env: NodeJS.ProcessEnv = {}): TestProcess =>
  processes.slipway(
    ["dev", "--listen", listen, "--data-dir", relative(packageRoot(), directory), "--time-scale", "50"],
    env,
  );

async function start(): Promise<void> {
  running = dev("127.0.0.1:0", { SLIPWAY_SHUTDOWN_GRACE_SECONDS: "5" });
  await running.printed(/get shoots -A --watch\n/);
  info = JSON.parse(await readFile(join(directory, "dev.json"), "utf8")) as DevInfo;
}

const clusters = () => createClient(ClusterService, createGrpcTransport({ baseUrl: info.url }));
const auth = () => createClient(AuthService, createGrpcTransport({ baseUrl: info.url }));
const operators = () => createClient(AdminClusterService, createGrpcTransport({ baseUrl: info.url }));
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error).code,
  );

/** Signs in at the console, as its page does. */
const signIn = (password: string) =>
  fetch(`${info.url}/auth/session/password`, {
    method: "POST",
    headers: { "x-slipway-console": "1", origin: info.url, "content-type": "application/json" },
    body: JSON.stringify({ username: "demo", password }),
  });

async function create(name: string): Promise<string> {
  const { cluster } = await clusters().create({ project: info.project, name }, as(info.tokens.editor));
  return cluster?.uuid ?? "";
}
async function succeeded(uuid: string): Promise<void> {
  await until(async () => {
    const { cluster } = await clusters().get({ project: info.project, uuid }, as(info.tokens.viewer));
    expect(cluster?.status).toMatchObject({ type: "Create", state: "Succeeded" });
  });
}
async function shootsOf(uuid: string): Promise<number> {
  const kube = openKube({ kubeconfig: info.kubeconfig, log: pino({ level: "silent" }) });
  const { items } = await kube.list(shoots, { labelSelector: `${keys.cluster}=${uuid}` });
  kube.close();
  return items.length;
}

describe("the first start", () => {
  test("has demo prices, and a demo tenant with credit that can order", async () => {
    const payment = createClient(PaymentService, createGrpcTransport({ baseUrl: info.url }));
    const { prices } = await payment.getDefaultPrices({});
    expect(prices.map(({ name }) => name)).toContain("n1-medium-x86");
    const standing = await payment.hasPaymentMethod(
      { login: info.tenant, project: info.project },
      as(info.tokens.owner),
    );
    expect(standing).toMatchObject({ exists: false, positiveBalance: true });
  });

  test("writes dev.json for its owner only", async () => {
    const path = join(directory, "dev.json");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const keys = ["console", "kubeconfig", "metrics_url", "project", "tenant", "tokens", "url"];
    expect(Object.keys(info).sort()).toEqual(keys);
    expect(info.console).toEqual({ user: "demo", password: expect.stringMatching(/^[\w-]{16}$/) });
    expect(Object.keys(info.tokens).sort()).toEqual(["admin", "editor", "owner", "viewer"]);
    expect(info.tenant).toBe("demo");
    expect(info.kubeconfig).toBe(join(directory, "kubeconfig"));
    expect((await stat(info.kubeconfig)).mode & 0o777).toBe(0o600);
    expect(await (await fetch(info.metrics_url)).text()).toContain("process_resident_memory_bytes");
    expect((await fetch(`${info.url}/readyz`)).status).toBe(200);
  });

  test("prints three commands to try, and no secret", () => {
    const commands = running.stdout.split("\n").filter((line) => /^ {2}(TOKEN|curl|kubectl)/.test(line));
    expect(commands).toHaveLength(3);
    const secrets = [...Object.values(info.tokens), info.console?.password ?? ""];
    for (const secret of secrets) expect(running.stdout + running.stderr).not.toContain(secret);
  });

  test("says where the console is and how to sign in, which then works", async () => {
    expect(running.stdout).toContain(
      `The console is at ${info.url}. Sign in as demo, with the password that this prints:\n  node -p '`,
    );
    const answer = await signIn(info.console?.password ?? "");
    const { accessToken } = (await answer.json()) as { accessToken: string };
    const { tenantRoles } = await auth().whoAmI({}, as(accessToken));
    expect(tenantRoles).toEqual({ demo: TenantRole.OWNER });
    expect(await codeOf(clusters().list({ project: info.project }, as(accessToken)))).toBeUndefined();
  });

  test("makes tokens with their roles", async () => {
    const { project } = info;
    const { owner, editor, viewer, admin } = info.tokens;
    const list = (token: string) => codeOf(clusters().list({ project }, as(token)));
    const make = (token: string, name: string) => codeOf(clusters().create({ project, name }, as(token)));
    expect(await Promise.all([owner, editor, viewer, admin].map(list))).toEqual(Array(4).fill(undefined));
    expect(await make(owner, "by-owner")).toBeUndefined();
    expect(await make(editor, "by-editor")).toBeUndefined();
    expect(await make(viewer, "by-viewer")).toBe(Code.PermissionDenied);
    const operate = (token: string) => codeOf(operators().list({}, as(token)));
    expect(await Promise.all([owner, editor, viewer].map(operate))).toEqual(Array(3).fill(Code.PermissionDenied));
    expect(await operate(admin)).toBeUndefined();
  });

  test("keeps a second process out of its directory", async () => {
    const second = dev();
    expect(await second.exit).toEqual({ code: 1, signal: null });
    expect(second.stderr).toMatch(
      new RegExp(`^slipway: data directory ${directory}\\S* is in use by process ${running.pid}; [^\\n]+\\n$`),
    );
    expect((await fetch(`${info.url}/readyz`)).status).toBe(200);
  });
});

describe("a restart", () => {
  test("after SIGKILL finishes a cluster that was half made, and keeps data and tokens", async () => {
    const before = info;
    const uuid = await create("half");
    await running.kill();
    await start();
    expect(info).toEqual(before);
    await succeeded(uuid);
    expect(await shootsOf(uuid)).toBe(1);
    const { clusters: listed } = await clusters().list({ project: info.project }, as(info.tokens.viewer));
    expect(listed.map(({ name }) => name)).toEqual(["by-editor", "by-owner", "half"]);
  });

  test("makes a token anew that was revoked, and keeps the others", async () => {
    const { viewer, ...others } = info.tokens;
    const uuid = JSON.parse(Buffer.from(viewer.split(".")[1] ?? "", "base64url").toString("utf8")).jti;
    await createClient(TokenService, createGrpcTransport({ baseUrl: info.url })).revoke({ uuid }, as(viewer));
    expect(await running.stop()).toEqual({ code: 0, signal: null });
    await start();
    expect(info.tokens).toMatchObject(others);
    expect(info.tokens.viewer).not.toBe(viewer);
    expect(await codeOf(clusters().list({ project: info.project }, as(info.tokens.viewer)))).toBeUndefined();
    expect(await codeOf(clusters().list({ project: info.project }, as(viewer)))).toBe(Code.Unauthenticated);
  });

  test("keeps the password, and sets it again where it was changed", async () => {
    const { user = "", password = "" } = info.console ?? {};
    const proof = { case: "currentPassword", value: password } as const;
    await auth().setPassword({ username: user, proof, newPassword: "chosen by somebody" });
    expect((await signIn(password)).status).toBe(401);
    expect(await running.stop()).toEqual({ code: 0, signal: null });
    await start();
    expect(info.console).toEqual({ user, password });
    expect((await signIn(password)).status).toBe(200);
  });
});

test("SIGTERM ends streams with UNAVAILABLE, lets calls finish, and the process exits with 0", async () => {
  const told: string[] = [];
  const stream = (async () => {
    for await (const { status } of clusters().watchStatus({ project: info.project }, as(info.tokens.viewer))) {
      told.push(status?.uuid ?? "");
    }
  })();
  await until(() => expect(told.length).toBeGreaterThanOrEqual(3));
  // A call whose body is under way.
  const body = JSON.stringify({ project: info.project });
  const call = request(`${info.url}/api.v1.ClusterService/List`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "content-length": body.length,
      authorization: `Bearer ${info.tokens.viewer}`,
    },
  });
  const answer = new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    call.once("error", reject).once("response", async (response) => {
      let text = "";
      for await (const chunk of response.setEncoding("utf8")) text += chunk;
      resolve({ status: response.statusCode, text });
    });
  });
  await new Promise<void>((resolve) => call.write(body.slice(0, 5), () => resolve()));
  // The server has read what came before the next answer.
  await fetch(`${info.url}/livez`);
  running.signal("SIGTERM");
  expect(await codeOf(stream)).toBe(Code.Unavailable);
  call.end(body.slice(5));
  const { status, text } = await answer;
  expect(status).toBe(200);
  expect(JSON.parse(text).clusters).toHaveLength(3);
  expect(await running.exit).toEqual({ code: 0, signal: null });
});

test("an address that is taken is named, with its setting", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => holder.once("listening", resolve));
  const { port } = holder.address() as AddressInfo;
  // The metrics have an address of their own: whoever took the port beside this one is not meant.
  const refused = dev(`127.0.0.1:${port}`, { SLIPWAY_METRICS_LISTEN: "127.0.0.1:0" });
  expect(await refused.exit).toEqual({ code: 1, signal: null });
  expect(refused.stderr).toBe(
    `slipway: cannot listen on 127.0.0.1:${port} (SLIPWAY_LISTEN): another process does already\n`,
  );
  holder.close();
  // What was opened before is closed again: the directory is free. And tokens hold on another port, too.
  const { url, tokens } = info;
  const former = createServer().listen(Number(new URL(url).port), "127.0.0.1");
  await start();
  former.close();
  expect(info.url).not.toBe(url);
  expect(await codeOf(clusters().list({ project: info.project }, as(tokens.viewer)))).toBeUndefined();
  expect(JSON.parse(Buffer.from(info.tokens.viewer.split(".")[1] ?? "", "base64url").toString("utf8")).iss).toBe(
    info.url,
  );
  expect(await running.stop()).toEqual({ code: 0, signal: null });
});
