import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, DeploymentHealth, DeploymentPhase } from "../../gen/ts/deploy/v1/deployment_pb.js";
import { ReleaseCause, ReleaseStatus } from "../../gen/ts/deploy/v1/release_pb.js";
import { RouteState } from "../../gen/ts/deploy/v1/route_pb.js";
import { InstanceState } from "../../gen/ts/deploy/v1/runtime_pb.js";
import { ChartEngine } from "../../gen/ts/deploy/v1/spec_pb.js";
import { TaskState } from "../../gen/ts/deploy/v1/task_pb.js";
import { startPlatform, type TestPlatform } from "../support/platform.js";
import { demand, ingresses, openTour, type Tour, transports } from "./deployments-tour.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ hostWorkloads: true });
});
afterAll(() => platform?.close());

const image = (reference: string) =>
  ({ source: { case: "image", value: { image: `registry.example/${reference}` } } }) as const;
const chart = (name: string, more: object = {}) =>
  ({ source: { case: "chart", value: { repository: "https://charts.example", name, ...more } } }) as const;
const waiting = { timeout: 30_000, interval: 50 };
const isWell = ({ phase, health }: Deployment) => phase === DeploymentPhase.IDLE && health === DeploymentHealth.HEALTHY;

describe.each(transports)("from nothing, over %s", (_, open) => {
  let tour: Tour;
  let project: string;
  /** Name of the Namespace. */
  let namespace: string;
  let blue: string;
  let green: string;
  let packaged: string;

  const ready = async (deployment: string) =>
    (await tour.runtime.listInstances({ project, deployment })).instances.filter(
      ({ state }) => state === InstanceState.READY,
    );

  it("an environment, a target and a namespace are made", async () => {
    tour = await openTour(platform, open);
    project = tour.project;
    const { environment } = await tour.environments.create({ project, name: "staging", isDefault: true });
    expect(environment).toMatchObject({ name: "staging", isDefault: true });
    const domain = `${project.slice(-8)}.example.com`;
    namespace = await tour.settle([{ name: "public", ingressClass: "nginx", domain }]);
  });

  it("an image is deployed where there is no choice, and watched until it is healthy", async () => {
    const { deployment, task } = await tour.deployments.create({ project, name: "blue", source: image("shop:1") });
    blue = demand(deployment).uuid;
    const [told, followed] = await Promise.all([tour.watch(blue, isWell), tour.done(task)]);
    expect(told[0]?.phase).toBe(DeploymentPhase.WORKING);
    expect(told.at(-1)).toMatchObject({ activeRelease: 1, processes: [{ name: "web", readyReplicas: 1 }] });
    const revisions = told.map(({ revision }) => revision);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => Number(a - b)));
    expect(followed.states.at(-1)).toBe(TaskState.SUCCEEDED);
    expect(followed.log.at(-1)).toBe("web: 1 of 1 ready");
    // What does not change is not told again.
    expect(followed.log.filter((line, i) => line === followed.log[i - 1])).toEqual([]);
  });

  it("what is not there is refused before anything is stored", async () => {
    const missing = { project, name: "lost", source: image("shop:missing") };
    await expect(tour.deployments.create(missing)).rejects.toMatchObject({ code: Code.NotFound });
    const unknown = { project, name: "lost", source: chart("nothing") };
    await expect(tour.deployments.create(unknown)).rejects.toMatchObject({ code: Code.NotFound });
    expect((await tour.deployments.list({ project })).deployments.map(({ name }) => name)).toEqual(["blue"]);
  });

  it("configuration is set, and the pods have it", async () => {
    const patch = { setVariables: [{ name: "GREETING", value: "hello" }] };
    const { release, task } = await tour.configs.update({ project, deployment: blue, patch });
    expect(release).toMatchObject({ number: 2, cause: ReleaseCause.CONFIG, summary: "added GREETING" });
    await tour.done(task);
    expect(await tour.run(blue, "printenv", "GREETING")).toEqual({ output: "hello\n", exitCode: 0 });
  });

  it("it is scaled", async () => {
    await tour.done((await tour.deployments.scale({ project, deployment: blue, replicas: { web: 3 } })).task);
    expect(await ready(blue)).toHaveLength(3);
  });

  it("it is rolled back, and keeps its scale", async () => {
    const { release, task } = await tour.releases.rollback({ project, deployment: blue });
    expect(release).toMatchObject({ number: 3, cause: ReleaseCause.ROLLBACK, rollbackOf: 1 });
    await tour.done(task);
    expect((await tour.run(blue, "printenv", "GREETING")).exitCode).toBe(1);
    await expect.poll(() => ready(blue), waiting).toHaveLength(3);
    const { releases } = await tour.releases.list({ project, deployment: blue });
    const { ACTIVE, SUPERSEDED } = ReleaseStatus;
    expect(releases.map(({ status }) => status)).toEqual([ACTIVE, SUPERSEDED, SUPERSEDED]);
  });

  it("it gets a hostname of its own, and another one", async () => {
    const hostname = `www-${project.slice(-8)}.example.org`;
    await tour.done((await tour.routes.create({ project, deployment: blue })).task);
    await tour.done((await tour.routes.create({ project, deployment: blue, hostname })).task);
    const { routes } = await tour.routes.list({ project, deployment: blue });
    expect(routes.map(({ state }) => state)).toEqual([RouteState.ACTIVE, RouteState.ACTIVE]);
    expect(ingresses(platform, namespace)).toEqual({
      [hostname]: "blue-web",
      [`blue.${project.slice(-8)}.example.com`]: "blue-web",
    });
    const { urls } = await tour.deployments.getConnectionInfo({ project, deployment: blue });
    expect(urls).toContain(`http://${hostname}/`);
  });

  it("its logs are followed, those of an instance that comes later too", async () => {
    const before = new Set((await ready(blue)).map(({ name }) => name));
    const lines = await tour.logs(
      blue,
      (seen) => new Set(seen.map(({ instance }) => instance)).size > before.size,
      async () => await tour.deployments.scale({ project, deployment: blue, differences: { web: 1 } }),
    );
    const others = lines.filter(({ instance }) => !before.has(instance));
    expect(others[0]).toMatchObject({ process: "web", text: expect.stringContaining("registry.example/shop:1") });
  });

  it("a command is run, and a shell is opened as a browser does", async () => {
    const ended = await tour.run(blue, "sh", "-c", "echo $SLIPWAY_PROCESS; exit 3");
    expect(ended).toEqual({ output: "web\n", exitCode: 3 });
    const named = { project, deployment: blue };
    let written = "";
    let exitCode: number | undefined;
    for await (const answer of tour.runtime.startShell({ ...named, start: { command: ["sh"] } })) {
      written += Buffer.from(answer.output).toString();
      exitCode = answer.exitCode;
      if (answer.session === "") continue;
      const { session } = answer;
      const stdin = new TextEncoder().encode("echo it is $SLIPWAY_DEPLOYMENT\nexit 4\n");
      await tour.runtime.sendShellInput({ ...named, session, number: 1n, stdin });
    }
    expect(written).toContain("it is blue\r\n");
    expect(exitCode).toBe(4);
  });

  it("it is swapped with another one: its hostnames lead there", async () => {
    const made = await tour.deployments.create({ project, name: "green", source: image("shop:2") });
    green = demand(made.deployment).uuid;
    await tour.done(made.task);
    const { routes, tasks } = await tour.routes.swap({ project, first: blue, second: green });
    expect(new Set(routes.map(({ deployment }) => deployment))).toEqual(new Set([green]));
    for (const task of tasks) await tour.done(task);
    expect(new Set(Object.values(ingresses(platform, namespace)))).toEqual(new Set(["green-web"]));
  });

  it("a chart is installed by Flux, configured, changed and gone back to", async () => {
    const source = chart("demo-web", { version: "1.x", variablesPath: "env", values: { replicas: 2 } });
    const config = { setVariables: [{ name: "GREETING", value: "hello" }] };
    const { deployment, task } = await tour.deployments.create({ project, name: "packaged", source, config });
    packaged = demand(deployment).uuid;
    const [told] = await Promise.all([tour.watch(packaged, isWell), tour.done(task)]);
    const { value } = demand(demand(told.at(-1)).source).source;
    expect(value).toMatchObject({ resolvedVersion: "1.1.0", engine: ChartEngine.FLUX });
    expect(await ready(packaged)).toHaveLength(2);
    expect(await tour.run(packaged, "printenv", "GREETING")).toEqual({ output: "hello\n", exitCode: 0 });
    const scaling = tour.deployments.scale({ project, deployment: packaged, replicas: { web: 3 } });
    await expect(scaling).rejects.toMatchObject({ code: Code.FailedPrecondition });
    const stopping = tour.deployments.stop({ project, deployment: packaged });
    await expect(stopping).rejects.toMatchObject({ code: Code.FailedPrecondition });
    const patch = { setVariables: [{ name: "GREETING", value: "good day" }] };
    await tour.done((await tour.configs.update({ project, deployment: packaged, patch })).task);
    expect((await tour.run(packaged, "printenv", "GREETING")).output).toBe("good day\n");
    await tour.done((await tour.releases.rollback({ project, deployment: packaged })).task);
    await expect.poll(async () => (await tour.run(packaged, "printenv", "GREETING")).output, waiting).toBe("hello\n");
  });

  it("a chart has a hostname, logs and events", async () => {
    const { task } = await tour.routes.create({ project, deployment: packaged, service: "packaged" });
    await tour.done(task);
    expect(ingresses(platform, namespace)).toMatchObject({
      [`packaged.${project.slice(-8)}.example.com`]: "packaged",
    });
    const lines = await tour.logs(packaged, (seen) => new Set(seen.map(({ instance }) => instance)).size === 2);
    expect(lines.map(({ text }) => text).join("\n")).toContain("registry.example/demo-web:1.1.0");
    const { events } = await tour.runtime.listEvents({ project, deployment: packaged });
    expect(events.map(({ object }) => object?.kind)).toEqual(expect.arrayContaining(["HelmRelease", "Pod"]));
  });

  it("a chart that never becomes ready fails, and what ran before runs again", async () => {
    const change = { source: chart("demo-broken"), config: { unsetVariables: ["GREETING"] } };
    const autoRollback = { enabled: true, timeoutSeconds: 60 };
    const { task } = await tour.deployments.update({ project, deployment: packaged, autoRollback, ...change });
    const followed = await tour.follow(task);
    expect(followed.task).toMatchObject({ state: TaskState.FAILED });
    expect(followed.task.message).toContain("HelmRelease packaged");
    const { releases } = await tour.releases.list({ project, deployment: packaged });
    expect(releases[0]).toMatchObject({ status: ReleaseStatus.FAILED, message: followed.task.message });
    expect(await tour.get(packaged)).toMatchObject({ activeRelease: 3, phase: DeploymentPhase.FAILED });
    await expect.poll(async () => (await ready(packaged)).map(({ name }) => name), waiting).toHaveLength(2);
    expect((await tour.run(packaged, "printenv", "GREETING")).output).toBe("hello\n");
  });

  it("all of it is deleted, and nothing is left", async () => {
    const { targets } = await tour.targets.list({ project });
    const uuid = demand(targets[0]).uuid;
    await expect(tour.targets.delete({ project, uuid })).rejects.toMatchObject({ code: Code.FailedPrecondition });
    const isGone = ({ phase }: Deployment) => phase === DeploymentPhase.DELETED;
    for (const deployment of [blue, green, packaged]) {
      const told = await tour.watch(deployment, isGone, async () => {
        await tour.done((await tour.deployments.delete({ project, deployment })).task);
      });
      expect(told.at(-1)?.phase).toBe(DeploymentPhase.DELETED);
    }
    expect((await tour.routes.list({ project })).routes).toEqual([]);
    expect(ingresses(platform, namespace)).toEqual({});
    const { store } = platform.kube.embedded;
    await expect.poll(() => store.list({ group: "", resource: "pods" }, { namespace }), waiting).toEqual([]);
    const { namespaces } = await tour.namespaces.list({ project });
    await tour.namespaces.delete({ project, uuid: demand(namespaces[0]).uuid });
    await expect.poll(async () => (await tour.namespaces.list({ project })).namespaces, waiting).toEqual([]);
    await tour.targets.delete({ project, uuid });
    const { environments } = await tour.environments.list({ project });
    await tour.environments.delete({ project, uuid: demand(environments[0]).uuid });
    expect((await tour.environments.list({ project })).environments).toEqual([]);
  });
});
