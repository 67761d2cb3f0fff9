import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RuntimeService } from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { ProcessKind } from "../../../../../gen/ts/deploy/v1/spec_pb.js";
import { as, type TestPlatform, type TestTenant } from "../../../../support/platform.js";
import { holdersOf } from "../../../iam/access/holders.js";
import { codeOf, refusal } from "../../../support/refusals.js";
import { environmentsOf } from "../../environment/environments.js";
import { openTargetProxy, type TargetProxy } from "../../target/target-proxy.js";
import { directly } from "../../target/targets.js";
import { bindClaims, chart, deploymentsOf, type Home, homeOn, type Order, openSite, podsOf } from "../../works/site.js";
import { runtimesOf } from "../runtimes.js";

let platform: TestPlatform;
let close: () => Promise<void>;
let proxy: TargetProxy;
let tenant: TestTenant;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;

beforeAll(async () => {
  ({ platform, close } = await openSite());
  bindClaims(platform.kube);
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  tenant = await platform.newTenant();
  home = await homeOn(platform, tenant, proxy.kubeconfig());
  all = await deploymentsOf(platform, tenant);
});
afterAll(async () => {
  await proxy?.close();
  await close?.();
});

const annotations = { "simulator.slipway.dev/log-every": "50ms" };

async function running(order: Partial<Order>) {
  const { task, ...deployment } = await all.create(home, order);
  await all.done(task);
  return deployment;
}

/** Follows the logs of a deployment until it is stopped. */
function follow(request: object, by = all.owner) {
  const ending = new AbortController();
  const lines: string[] = [];
  const stream = platform
    .client(RuntimeService)
    .streamLogs({ project: tenant.project, follow: true, ...request } as never, { ...by, signal: ending.signal });
  const reading = (async () => {
    for await (const answer of stream) lines.push(...answer.lines.map(({ text, instance }) => `${instance} ${text}`));
  })().catch((error: unknown) => ConnectError.from(error).code);
  return {
    lines,
    async stop() {
      ending.abort();
      expect(await reading).toBe(Code.Canceled);
    },
  };
}

/** Reads logs to their end. */
async function collect(request: object, by: ReturnType<typeof as>): Promise<void> {
  const stream = platform.client(RuntimeService).streamLogs({ project: tenant.project, ...request } as never, by);
  for await (const _ of stream);
}

const twice = (lines: readonly string[]): string[] => lines.filter((line, index) => lines.indexOf(line) !== index);

it("200 followers of one instance cost one connection to its target, and the last one ends it", async () => {
  const { uuid: deployment } = await running({ processes: [{ name: "web", annotations }] });
  let open = 0;
  let most = 0;
  let opened = 0;
  proxy.meddle(({ path }, response) => {
    if (!/\/log\?.*follow=true/.test(path)) return false;
    opened += 1;
    open += 1;
    most = Math.max(most, open);
    response.once("close", () => (open -= 1));
    return false;
  });
  const followers = Array.from({ length: 200 }, () => follow({ deployment, tail: 3 }));
  await expect
    .poll(() => Math.min(...followers.map(({ lines }) => lines.length)), { timeout: 60_000, interval: 100 })
    .toBeGreaterThan(20);
  expect([opened, most]).toEqual([1, 1]);
  for (const { lines } of followers) expect(twice(lines)).toEqual([]);
  await Promise.all(followers.map(({ stop }) => stop()));
  await expect.poll(() => open, { timeout: 30_000 }).toBe(0);
  proxy.leave();
});

it("an instance that is made anew under its name is followed on by all, and nothing comes twice", async () => {
  const storage = { size: "1Gi", path: "/data" };
  const processes = [{ name: "db", kind: ProcessKind.STATEFUL, storage, annotations }];
  const { uuid: deployment, objectName } = await running({ processes });
  const followers = [follow({ deployment, tail: 1_000 }), follow({ deployment, tail: 1_000 })];
  const shortest = () => Math.min(...followers.map(({ lines }) => lines.length));
  await expect.poll(shortest, { timeout: 30_000 }).toBeGreaterThan(0);
  const [before] = podsOf(platform.kube, objectName, home.name);
  const instance = before?.metadata.name ?? "";
  await platform.client(RuntimeService).evictInstance({ project: tenant.project, deployment, instance }, all.owner);
  const now = () => podsOf(platform.kube, objectName, home.name)[0];
  await expect
    .poll(() => now()?.metadata.uid !== before?.metadata.uid && now()?.status?.phase, { timeout: 30_000 })
    .toBe("Running");
  // The lines of the new one begin from 1 again. The last ones of the old one may come after the first of these, with
  // the same words, so that those count which are far beyond what the old one wrote.
  const numberOf = (line: string): number => Number(/ line (\d+)$/.exec(line)?.[1] ?? 0);
  const beyondOld = (lines: readonly string[]): readonly string[] => {
    const begin = lines.lastIndexOf(`${instance} running, line 1`);
    const most = Math.max(0, ...lines.slice(0, Math.max(0, begin)).map(numberOf));
    return most === 0 ? [] : lines.slice(begin).filter((line) => numberOf(line) > most + 40);
  };
  await expect
    .poll(() => followers.map(({ lines }) => beyondOld(lines).length > 100), { timeout: 60_000 })
    .toEqual([true, true]);
  for (const { lines } of followers) expect(twice(beyondOld(lines))).toEqual([]);
  await Promise.all(followers.map(({ stop }) => stop()));
});

it("the logs of a chart are there while its first release is not active yet", async () => {
  const values = { image: "registry.example/never-ready", podAnnotations: annotations };
  const { uuid: deployment, task } = await all.create(home, { source: chart("demo-web", { values }) });
  const follower = follow({ deployment });
  await expect.poll(() => follower.lines.length, { timeout: 60_000 }).toBeGreaterThan(0);
  expect((await all.row(deployment)).activeRelease).toBe(0);
  await follower.stop();
  await all.tasks.cancel({ project: tenant.project, uuid: task?.uuid ?? "" }, all.owner);
});

it("whoever does not read for a while gets the newest lines, and is told how many were left out", async () => {
  const chatty = { "simulator.slipway.dev/log-every": "0.2ms" };
  const { uuid: deployment } = await running({ processes: [{ name: "web", annotations: chatty }] });
  const ending = new AbortController();
  const stream = platform
    .client(RuntimeService)
    .streamLogs({ project: tenant.project, deployment, follow: true }, { ...all.owner, signal: ending.signal });
  const answers = stream[Symbol.asyncIterator]();
  let last = 0;
  let dropped = 0;
  const take = async (): Promise<void> => {
    for (const line of (await answers.next()).value?.lines ?? []) {
      const number = Number(/^running, line (\d+)$/.exec(line.text)?.[1]);
      // None is left out without being counted, and none comes out of order.
      if (last > 0) expect(number - last - 1).toBe(Number(line.dropped));
      dropped += Number(line.dropped);
      last = number;
    }
  };
  const rest = async (): Promise<number> => {
    await take();
    return dropped;
  };
  await expect.poll(rest, { timeout: 120_000, interval: 4_000 }).toBeGreaterThan(0);
  ending.abort();
}, 180_000);

it("of one target so many deployments are followed at once that calls to it still get through", async () => {
  const kube = directly(platform);
  const rows = runtimesOf(platform, tenant, kube);
  const place = { environment: all.environment, target: home.target, namespace: home.namespace, name: home.name };
  const made = await Promise.all(
    Array.from({ length: 51 }, (_, index) => {
      const name = `many-${index}`;
      return rows.insert(place, { name, objectName: name });
    }),
  );
  kube.close();
  let open = 0;
  proxy.meddle(({ path }) => {
    if (/\/pods\?.*watch=true/.test(path)) open += 1;
    return false;
  });
  const followers = made.slice(0, 50).map(({ id }) => follow({ deployment: id }));
  await expect.poll(() => open, { timeout: 30_000 }).toBeGreaterThanOrEqual(50);
  const [last] = made.slice(50);
  const refused = await refusal(collect({ deployment: last?.id ?? "", follow: true }, all.owner));
  expect(refused).toMatchObject({ code: "ResourceExhausted", message: expect.stringContaining("50 deployments") });
  await collect({ deployment: last?.id ?? "" }, all.owner);
  await Promise.all(followers.map(({ stop }) => stop()));
  proxy.leave();
});

it("are for those who may look at the project, the environment or the deployment", async () => {
  const { uuid: deployment } = await running({ processes: [{ name: "web", annotations }] });
  const other = await running({ processes: [{ name: "web", annotations }] });
  const elsewhere = (await environmentsOf(platform, tenant).create()).uuid;
  const world = holdersOf(platform);
  const { project } = tenant;
  const holder = async (part: { environment?: string; deployment?: string }) => {
    const user = await world.user();
    await world.access.setRoleBinding(
      { project, ...part, role: "viewer", holder: { case: "principal", value: user } },
      all.owner,
    );
    return as(await world.apiKey(user));
  };
  const read = (request: object, by: ReturnType<typeof as>) => codeOf(collect(request, by));
  const [own, far, one] = [
    await holder({ environment: all.environment }),
    await holder({ environment: elsewhere }),
    await holder({ deployment }),
  ];
  expect(await read({ environment: all.environment, deployment }, own)).toBe("OK");
  expect(await read({ environment: elsewhere, deployment }, far)).toBe("NotFound");
  expect(await read({ environment: all.environment, deployment }, far)).toBe("PermissionDenied");
  expect(await read({ deployment }, far)).toBe("PermissionDenied");
  expect(await read({ deployment }, one)).toBe("OK");
  expect(await read({ deployment: other.uuid }, one)).toBe("PermissionDenied");
});
