import { afterAll, beforeAll, expect, it } from "vitest";
import { ProcessKind } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";
import { deploymentsOf, image, newName, setting } from "./deployments.js";

let platform: TestPlatform;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  all = await deploymentsOf(platform, platform);
});
afterAll(() => platform.close());

interface Options {
  readonly expectedVersion?: bigint;
  readonly idempotencyKey?: string;
  readonly validateOnly?: boolean;
}
type Call = (uuid: string, options: Options) => Promise<{ readonly task?: { readonly uuid: string } | undefined }>;

const named = (deployment: string) => ({ project: platform.project, deployment });
const autoscale = { minReplicas: 1, maxReplicas: 2, cpuPercent: 50 };

const calls: Readonly<Record<string, Call>> = {
  update: (uuid, options) => all.update(uuid, { source: image("shop:2"), options }),
  delete: (uuid, options) => all.client.delete({ ...named(uuid), options }, all.owner),
  scale: (uuid, options) => all.client.scale({ ...named(uuid), differences: { web: 1 }, options }, all.owner),
  setAutoscale: (uuid, options) =>
    all.client.setAutoscale({ ...named(uuid), process: "web", autoscale, options }, all.owner),
  start: (uuid, options) => all.client.start({ ...named(uuid), options }, all.owner),
  stop: (uuid, options) => all.client.stop({ ...named(uuid), options }, all.owner),
  restart: (uuid, options) => all.client.restart({ ...named(uuid), options }, all.owner),
  move: async (uuid, options) =>
    await all.client.move({ ...named(uuid), target: all.home.target, namespace: other, options }, all.owner),
  invokeAction: (uuid, options) =>
    all.client.invokeAction(
      { ...named(uuid), action: { case: "runJob", value: { process: "clean" } }, options },
      all.owner,
    ),
  "releases.create": (uuid, options) =>
    all.releases.create({ ...named(uuid), config: setting({ A: "1" }), options }, all.owner),
  "releases.rollback": (uuid, options) => all.releases.rollback({ ...named(uuid), number: 1, options }, all.owner),
  "releases.redeploy": (uuid, options) => all.releases.redeploy({ ...named(uuid), options }, all.owner),
  "config.update": (uuid, options) => all.configure(uuid, setting({ A: "1" }), options),
};
let other = "";

it.each(Object.keys(calls))("%s is tried, refused from another version, and made once for a key", async (name) => {
  const call: Call = calls[name] ?? (() => Promise.reject(new Error("there is no such call")));
  other ||= await all.namespaceOn(all.home.target);
  const processes = [
    { name: "web", resources: { cpu: "100m" } },
    { name: "clean", kind: ProcessKind.JOB },
  ];
  const uuid = await all.running({ processes });
  const before = await all.row(uuid);
  const idempotencyKey = newName("key");
  expect((await call(uuid, { validateOnly: true, idempotencyKey })).task).toMatchObject({ uuid: "" });
  expect(await refusal(call(uuid, { expectedVersion: 99n, idempotencyKey }))).toMatchObject({ code: "Aborted" });
  expect([await all.row(uuid), await all.tasks(uuid)]).toEqual([before, []]);
  const options = { expectedVersion: BigInt(before.version), idempotencyKey };
  const { task } = await call(uuid, options);
  expect((await call(uuid, options)).task?.uuid).toBe(task?.uuid);
  expect((await all.tasks(uuid)).map(({ id }) => id)).toEqual([task?.uuid]);
  expect((await all.row(uuid)).version).toBe(before.version + 1);
});
