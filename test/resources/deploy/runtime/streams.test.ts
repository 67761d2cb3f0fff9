import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  RuntimeService,
  type RuntimeServiceOpenShellResponse,
  type RuntimeServiceRunCommandResponse,
  type RuntimeServiceStartShellResponse,
} from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import { shellInputs, shellSessions } from "../../../../src/resources/deploy/runtime/table.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { deploymentsOf, type Home, homeOn, image, openSite, podsOf } from "../works/site.js";

let platform: TestPlatform;
let close: () => Promise<void>;
let tenant: TestTenant;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
let shop: { readonly deployment: string; readonly project: string; readonly objectName: string };

beforeAll(async () => {
  ({ platform, close } = await openSite());
  tenant = await platform.newTenant();
  home = await homeOn(platform, tenant, platform.kube.kubeconfig);
  all = await deploymentsOf(platform, tenant);
});
afterAll(() => close?.());

const runtime = () => platform.client(RuntimeService);
const named = () => ({ project: shop.project, deployment: shop.deployment });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => Code[ConnectError.from(error).code],
  );

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of stream) found.push(one);
  return found;
}

const text = (bytes: Iterable<Uint8Array>) => Buffer.concat([...bytes]).toString();

/** How a command went. */
function ended(answers: readonly RuntimeServiceRunCommandResponse[]) {
  return {
    instance: answers[0]?.instance,
    stdout: text(answers.map(({ stdout }) => stdout)),
    stderr: text(answers.map(({ stderr }) => stderr)),
    code: answers.at(-1)?.exitCode,
  };
}

const run = async (request: object, token = tenant.tokens.owner) =>
  ended(await collect(runtime().runCommand({ ...named(), ...request } as never, as(token))));

it("two processes with three instances are there", async () => {
  const annotations = { "simulator.slipway.dev/log-every": "100ms" };
  const ports = [{ name: "http", port: 8080 }];
  const order = {
    processes: [
      { name: "web", ports, annotations },
      { name: "worker", annotations },
    ],
    scale: [{ process: "web", replicas: 2 }],
    config: { setVariables: [{ name: "GREETING", value: "hello" }] },
  };
  const { uuid, task, objectName } = await all.create(home, { ...order, source: image("shop:1") });
  await all.done(task);
  shop = { deployment: uuid, project: tenant.project, objectName };
});

it("the logs of all instances come together, in the order of their times [deis.apps-logs, tsuru.app-log]", async () => {
  const answers = await collect(runtime().streamLogs({ ...named(), tail: 5 }, as(tenant.tokens.viewer)));
  const lines = answers.flatMap((answer) => answer.lines);
  const instances = new Set(lines.map((line) => line.instance));
  expect(instances.size).toBe(3);
  expect(new Set(lines.map((line) => line.process))).toEqual(new Set(["web", "worker"]));
  for (const instance of instances) expect(lines.filter((line) => line.instance === instance).length).toBeLessThan(6);
  const times = lines.map(({ time }) => BigInt(time?.seconds ?? 0n) * 1_000_000_000n + BigInt(time?.nanos ?? 0));
  expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
});

it("logs are narrowed by process, instance and time", async () => {
  const read = async (request: object) => {
    const answers = await collect(runtime().streamLogs({ ...named(), ...request } as never, all.owner));
    return answers.flatMap((answer) => answer.lines);
  };
  const worker = await read({ processes: ["worker"] });
  expect(new Set(worker.map((line) => line.process))).toEqual(new Set(["worker"]));
  const [first] = worker;
  const one = await read({ instances: [first?.instance ?? ""], tail: 1 });
  expect(one).toHaveLength(1);
  expect(one[0]?.instance).toBe(first?.instance);
  const ahead = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3_600), nanos: 0 };
  expect(await read({ since: ahead })).toEqual([]);
  expect(await read({ previous: true })).toEqual([]);
  expect(await read({ container: "other" })).toEqual([]);
});

it("a follower hears of instances that come later, and its stream ends with the deployment", async () => {
  const annotations = { "simulator.slipway.dev/log-every": "100ms" };
  const { uuid, task } = await all.create(home, { processes: [{ name: "web", annotations }], source: image("tail:1") });
  await all.done(task);
  const request = { project: tenant.project, deployment: uuid };
  const instances = new Set<string>();
  const started = new Set<string>();
  const following = (async () => {
    for await (const { lines } of runtime().streamLogs({ ...request, follow: true, tail: 0 }, all.owner)) {
      for (const line of lines) {
        instances.add(line.instance);
        if (line.text.startsWith("starting ")) started.add(line.instance);
      }
    }
  })();
  await expect.poll(() => instances.size, { timeout: 30_000 }).toBe(1);
  await all.done((await all.client.scale({ ...request, replicas: { web: 3 } }, all.owner)).task);
  await expect.poll(() => instances.size, { timeout: 30_000 }).toBe(3);
  // Of those that came later every line is told.
  await expect.poll(() => started.size, { timeout: 30_000 }).toBeGreaterThan(1);
  await all.done((await all.client.delete(request, all.owner)).task);
  await following;
});

it("a command is run in an instance, and answers what it writes and its exit code [deis.apps-run, tsuru.app-run]", async () => {
  const result = await run({ command: ["sh", "-c", "echo $GREETING; exit 3"] });
  expect(result).toMatchObject({ stdout: "hello\n", stderr: "", code: 3 });
  expect(result.instance).toContain(`${shop.objectName}-web-`);
  expect(await run({ command: ["cat"], stdin: Buffer.from("from here") })).toMatchObject({
    stdout: "from here",
    code: 0,
  });
  expect((await run({ command: ["true"], process: "worker" })).instance).toContain(`${shop.objectName}-worker-`);
  expect((await run({ command: ["true"], instance: result.instance })).instance).toBe(result.instance);
});

it("a command runs in a pod of its own, which is removed", async () => {
  const result = await run({ command: ["sh", "-c", "echo $GREETING; exit 4"], isolated: true });
  expect(result.stdout).toContain("\nhello\n");
  expect(result.code).toBe(4);
  expect(result.instance).toContain(`${shop.objectName}-run-`);
  const left = () => platform.kube.embedded.store.list({ group: "", resource: "pods" }, {});
  await expect.poll(() => left().filter(({ metadata }) => metadata.name === result.instance)).toEqual([]);
  expect(podsOf(platform.kube, shop.objectName, home.name)).toHaveLength(3);
});

it("a command that takes too long is ended", async () => {
  expect(await codeOf(run({ command: ["sleep", "1000"], timeoutSeconds: 1 }))).toBe("DeadlineExceeded");
  expect(await codeOf(run({ command: ["sleep", "1000"], timeoutSeconds: 1, isolated: true }))).toBe("DeadlineExceeded");
});

it("what cannot be run is refused with what to change", async () => {
  expect(await codeOf(run({ command: ["true"], process: "nothing" }))).toBe("NotFound");
  expect(await codeOf(run({ command: ["true"], instance: "nothing" }))).toBe("NotFound");
  expect(await codeOf(run({ command: ["true"], isolated: true, stdin: Buffer.from("x") }))).toBe("InvalidArgument");
  expect(await codeOf(run({ command: ["true"] }, tenant.tokens.viewer))).toBe("PermissionDenied");
  const stranger = await platform.newTenant();
  expect(await codeOf(run({ command: ["true"], project: stranger.project }, stranger.tokens.owner))).toBe("NotFound");
});

it("a shell takes input and sizes by one stream, until it ends [tsuru.app-shell]", async () => {
  const answers: RuntimeServiceOpenShellResponse[] = [];
  async function* input() {
    yield { ...named(), start: { size: { columns: 100, rows: 40 } } };
    yield { stdin: Buffer.from("echo $GREETING; stty size; exit 5\n") };
  }
  for await (const answer of runtime().openShell(input() as never, all.owner)) answers.push(answer);
  expect(answers[0]?.instance).toContain(`${shop.objectName}-web-`);
  const output = text(answers.map((answer) => answer.output));
  expect(output).toContain("hello");
  expect(output).toContain("40 100");
  expect(answers.at(-1)?.exitCode).toBe(5);
});

it("a shell is for those who may open it, and stays with what it began with", async () => {
  const open = (messages: object[], token: string) => {
    async function* input() {
      yield* messages;
    }
    return codeOf(collect(runtime().openShell(input() as never, as(token))));
  };
  const start = { ...named(), start: {} };
  const { owner, viewer } = tenant.tokens;
  expect(await open([start], viewer)).toBe("PermissionDenied");
  expect(await open([start], "broken")).toBe("Unauthenticated");
  expect(await open([], owner)).toBe("InvalidArgument");
  expect(await open([named()], owner)).toBe("InvalidArgument");
  expect(await open([{ start: {} }], owner)).toBe("PermissionDenied");
  const other = { deployment: tenant.project, stdin: Buffer.from("echo\n") };
  expect(await open([start, other], owner)).toBe("InvalidArgument");
});

it("a browser's shell takes input by calls of their own, in the order of their numbers, each once", async () => {
  const answers: RuntimeServiceStartShellResponse[] = [];
  const reading = (async () => {
    for await (const answer of runtime().startShell({ ...named(), start: {} }, all.owner)) answers.push(answer);
  })();
  await expect.poll(() => answers[0]?.session, { timeout: 20_000 }).toBeTruthy();
  const session = answers[0]?.session ?? "";
  const send = (number: bigint, stdin: string, token = tenant.tokens.owner) =>
    runtime().sendShellInput({ ...named(), session, number, stdin: Buffer.from(stdin) }, as(token));
  // Another owner of the project did not start it.
  expect(await codeOf(send(1n, "echo no; ", platform.adminToken))).toBe("NotFound");
  await send(2n, "echo second; exit 6\n");
  await send(1n, "echo first; ");
  await send(1n, "echo twice; ");
  await reading;
  const output = text(answers.map((answer) => answer.output));
  expect(output.indexOf("first")).toBeGreaterThanOrEqual(0);
  expect(output.indexOf("second")).toBeGreaterThan(output.indexOf("first"));
  expect(output).not.toContain("twice");
  expect(answers.at(-1)?.exitCode).toBe(6);
  const { db } = platform.platform;
  expect(await db.$count(shellSessions)).toBe(0);
  expect(await db.$count(shellInputs)).toBe(0);
  expect(await codeOf(send(3n, "late"))).toBe("NotFound");
});

it("what is typed is in no record and no line of the log", async () => {
  await run({ command: ["cat"], stdin: Buffer.from("typed-secret-1") });
  async function* input() {
    yield { ...named(), start: {} };
    yield { stdin: Buffer.from("echo typed-secret-2; exit\n") };
  }
  await collect(runtime().openShell(input() as never, all.owner));
  const { rows } = await platform.database.server.pool.query(
    "select to_jsonb(audit_entries)::text as record from audit_entries",
  );
  const records = rows.map(({ record }: { record: string }) => record).join("\n");
  expect(records).toContain("RuntimeService/OpenShell");
  const told = records + JSON.stringify(platform.lines);
  for (const secret of ["typed-secret", Buffer.from("typed-secret").toString("base64").slice(0, 12)]) {
    expect(told).not.toContain(secret);
  }
});
