import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeploymentHealth, DeploymentPhase, DeploymentService } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ConstraintField } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { ReleaseCause, ReleaseStatus } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { SecretType } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { ChartEngine, ProcessKind } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { TaskKind, TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { deployments } from "../../../../src/resources/deploy/deployment/table.js";
import { deploymentTasks } from "../../../../src/resources/deploy/task/table.js";
import { volumeClaims } from "../../../../src/resources/deploy/volume-claim/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";
import { dataOf, secretsOf } from "../secret/secrets.js";
import { chart, deploymentsOf, image, newName, setting } from "./deployments.js";

let platform: TestPlatform;
let tenant: TestTenant;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  tenant = await platform.newTenant();
  all = await deploymentsOf(platform, tenant);
});
afterAll(() => platform.close());

const db = () => platform.platform.db;

describe("a deployment that is made", () => {
  it("has its first release and the task that makes it run [platz.createDeployment, tsuru.app-create, tsuru.node-container-create, tsuru.node-container-create.alias, pds.create-deployment, pds.create-project-deployment, deis.apps-create]", async () => {
    const name = newName();
    const { deployment, release, task } = await all.create({
      name,
      description: "the shop",
      labels: { team: "shop" },
      scale: [{ process: "web", replicas: 3 }],
      config: setting({ HELLO: "world" }),
      autoRollback: { enabled: true, timeoutSeconds: 60 },
    });
    expect(deployment).toMatchObject({
      ...{ project: tenant.project, environment: all.environment, name, description: "the shop", kind: "shop" },
      ...{ ...all.home, objectName: name, activeRelease: 0, version: 1n, labels: { team: "shop" } },
      ...{ phase: DeploymentPhase.WORKING, health: DeploymentHealth.UNKNOWN, task: task?.uuid },
      autoRollback: { enabled: true, timeoutSeconds: 60 },
    });
    expect(deployment?.processes).toMatchObject([{ name: "web", kind: ProcessKind.SERVICE, replicas: 3 }]);
    expect(release).toMatchObject({
      ...{ number: 1, cause: ReleaseCause.CREATED, status: ReleaseStatus.PENDING, task: task?.uuid },
      createdBy: tenant.tenant,
      configuration: { variables: [{ name: "HELLO", value: "world" }] },
      placement: all.home,
    });
    expect(release?.source?.source.value).toMatchObject({ digest: expect.stringMatching(/^sha256:/) });
    expect(release?.processes).toMatchObject([{ name: "web", ports: [{ name: "http", port: 8080 }] }]);
    expect(task).toMatchObject({ kind: TaskKind.CREATE, state: TaskState.QUEUED, release: 1, actor: tenant.tenant });
    expect(await all.get(deployment?.uuid ?? "")).toMatchObject({ ...deployment });
  });

  it("is in the default environment, on the only target and in its only namespace unless told", async () => {
    const own = await platform.newTenant();
    const here = await deploymentsOf(platform, own);
    const { deployment } = await here.client.create(
      { project: own.project, name: "web", source: image("shop:1") },
      here.owner,
    );
    expect(deployment).toMatchObject({ environment: here.environment, ...here.home });
    const other = await here.place();
    const order = { project: own.project, name: "api", source: image("shop:1") };
    expect(await refusal(here.client.create(order, here.owner))).toMatchObject({
      code: "InvalidArgument",
      fields: ["target"],
    });
    const constraints = [{ field: ConstraintField.TARGET, values: [other.target], deny: false }];
    await here.environments.update(here.environment, { constraints: { constraints } });
    expect((await here.client.create(order, here.owner)).deployment).toMatchObject(other);
    expect(
      await refusal(here.client.create({ ...order, name: "x", target: here.home.target }, here.owner)),
    ).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("forbids target"),
    });
    await here.namespaceOn(other.target);
    expect(await refusal(here.client.create({ ...order, name: "x" }, here.owner))).toMatchObject({
      fields: ["namespace"],
    });
    await here.environments.update(here.environment, { isDefault: false });
    expect(await refusal(here.client.create({ ...order, name: "x" }, here.owner))).toMatchObject({
      fields: ["environment"],
    });
  });

  it("has objects of its name, or of one that nothing else in the project has", async () => {
    const name = newName();
    await all.create({ name });
    expect(await refusal(all.create({ name }))).toMatchObject({ code: "AlreadyExists" });
    const environment = (await all.environments.create()).uuid;
    const { deployment } = await all.create({ name, environment });
    expect(deployment?.objectName).toMatch(new RegExp(`^${name}-[0-9][0-9a-f]{5}$`));
  });

  it.each([
    ["2048", [], /^d-2048$/],
    ["shop-api", ["shop"], /^shopapi-[0-9][0-9a-f]{5}$/],
    ["cart", ["cart-api"], /^cart-[0-9][0-9a-f]{5}$/],
    ["stock-2", ["stock"], /^stock-2$/],
  ])(
    "%s beside %j has objects that are called as no others and begin with a letter",
    async (name, others, expected) => {
      for (const other of others) await all.create({ name: other });
      expect((await all.create({ name })).deployment?.objectName).toMatch(expected);
    },
  );

  it("is not made of what is not there, or does not fit: nothing is stored", async () => {
    const before = await db().$count(deployments);
    const refused: [object, string][] = [
      [{ source: image("missing:1") }, "NotFound"],
      [{ source: image("shop:missing") }, "NotFound"],
      [{ source: image("private:1") }, "FailedPrecondition"],
      [{ source: image("UPPER:1") }, "InvalidArgument"],
      [{ source: chart("missing") }, "NotFound"],
      [{ source: chart("demo-web", { version: "99.x" }) }, "NotFound"],
      [{ source: chart("demo-web"), processes: [{ name: "web" }] }, "InvalidArgument"],
      [{ source: chart("demo-web"), config: setting({ A: "1" }) }, "FailedPrecondition"],
      [{ source: chart("demo-web", { engine: ChartEngine.ARGO_CD }) }, "FailedPrecondition"],
      [{ processes: [{ name: "web" }, { name: "web" }] }, "InvalidArgument"],
      [{ scale: [{ process: "other", replicas: 2 }] }, "InvalidArgument"],
      [{ environment: tenant.project }, "NotFound"],
      [{ target: tenant.project }, "NotFound"],
      [{ namespace: tenant.project }, "NotFound"],
      [{ namespace: (await all.place()).namespace }, "FailedPrecondition"],
      [{ options: { executeAt: timestampFromDate(new Date(Date.now() + 400 * 86_400_000)) } }, "InvalidArgument"],
      [
        { scale: [{ process: "web", replicas: 1, autoscale: { minReplicas: 1, maxReplicas: 2, cpuPercent: 50 } }] },
        "FailedPrecondition",
      ],
    ];
    for (const [order, code] of refused) {
      expect({ order, ...(await refusal(all.create(order))) }).toMatchObject({ order, code });
    }
    expect(await db().$count(deployments)).toBe(before);
  });

  it("takes its image with the registry secret of its project or environment", async () => {
    const secrets = secretsOf(platform, tenant);
    const data = dataOf({ server: "registry.example", username: "demo", password: "demo" });
    const order = { type: SecretType.REGISTRY, data };
    const secret = await secrets.create({ ...order, environment: all.environment });
    const { release } = await all.create({ source: image("private:1", { registrySecret: secret.uuid }) });
    expect(release?.source?.source.value).toMatchObject({ registrySecret: secret.uuid });
    const elsewhere = await secrets.create({ ...order, environment: (await all.environments.create()).uuid });
    const opaque = await secrets.create();
    for (const [registrySecret, code] of [
      [elsewhere.uuid, "NotFound"],
      [tenant.project, "NotFound"],
      [opaque.uuid, "FailedPrecondition"],
    ]) {
      expect(await refusal(all.create({ source: image("private:1", { registrySecret }) }))).toMatchObject({ code });
    }
  });

  it("uses secrets that there are, with the keys that they have", async () => {
    const secrets = secretsOf(platform, tenant);
    const { uuid: secret } = await secrets.create({ data: dataOf({ password: "hush" }) });
    const use = (reference: object) =>
      refusal(
        all.create({ config: { setVariables: [{ name: "P", secret: { secret, key: "password", ...reference } }] } }),
      );
    expect(await use({})).toMatchObject({ code: "OK" });
    expect(await use({ key: "other" })).toMatchObject({ code: "NotFound", message: expect.stringContaining("no key") });
    expect(await use({ version: 2n })).toMatchObject({
      code: "NotFound",
      message: expect.stringContaining("version 2"),
    });
    expect(await use({ secret: tenant.project })).toMatchObject({ code: "NotFound" });
    const foreign = await secretsOf(platform, await platform.newTenant()).create();
    expect(await use({ secret: foreign.uuid })).toMatchObject({ code: "NotFound" });
    expect(await refusal(secrets.delete(secret))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("releases of deployment app-"),
    });
  });

  it("mounts volume claims of its namespace", async () => {
    const { newId, clock } = platform.platform;
    const claim = async (namespace: string, environment = all.environment) => {
      const stamps = { createdAt: clock(), updatedAt: clock() };
      const row = { id: newId(), project: tenant.project, environment, namespace, name: newName("claim"), ...stamps };
      await db()
        .insert(volumeClaims)
        .values({ ...row, size: "1Gi", accessMode: "ReadWriteOnce" });
      return row.id;
    };
    const mount = async (volumeClaim: string) =>
      await refusal(all.create({ processes: [{ name: "web", mounts: [{ volumeClaim, path: "/data" }] }] }));
    expect(await mount(await claim(all.home.namespace))).toMatchObject({ code: "OK" });
    expect(await mount(await claim((await all.place()).namespace))).toMatchObject({ code: "FailedPrecondition" });
    expect(await mount(tenant.project)).toMatchObject({ code: "NotFound" });
    const other = (await all.environments.create()).uuid;
    expect(await mount(await claim(all.home.namespace, other))).toMatchObject({ code: "NotFound" });
  });

  it("has storage of a class that its environment allows", async () => {
    const constraints = [{ field: ConstraintField.STORAGE_CLASS, values: ["fast*"], deny: false }];
    const environment = (await all.environments.create({ constraints })).uuid;
    const stored = (storageClass: string) =>
      refusal(
        all.create({
          environment,
          processes: [
            { name: "db", kind: ProcessKind.STATEFUL, storage: { size: "1Gi", storageClass, path: "/data" } },
          ],
        }),
      );
    expect(await stored("fast-ssd")).toMatchObject({ code: "OK" });
    expect(await stored("slow")).toMatchObject({ code: "FailedPrecondition" });
    expect(await stored("")).toMatchObject({ code: "FailedPrecondition" });
  });

  it("is installed by what its target has for charts", async () => {
    const engineOn = async (capabilities: Record<string, string>, more: object = {}) => {
      const source = chart("demo-web", more);
      const answer = await all
        .create({ ...(await all.place({ capabilities })), source })
        .catch((error: Error) => error);
      return answer instanceof Error ? answer.message : answer.release?.source?.source.value;
    };
    const [flux, argo] = [{ "helm.toolkit.fluxcd.io": "v2" }, { "argoproj.io": "v1alpha1" }];
    expect(await engineOn({ ...flux, ...argo })).toMatchObject({ engine: ChartEngine.FLUX });
    expect(await engineOn(argo)).toMatchObject({ engine: ChartEngine.ARGO_CD });
    expect(await engineOn({})).toContain("neither Flux nor Argo CD");
    const unseen = await all.place({ capabilities: {}, connection: "pending" });
    await expect(all.create({ ...unseen, source: chart("demo-web") })).rejects.toThrow("was not reached yet");
    expect(await engineOn(flux, { engine: ChartEngine.ARGO_CD })).toContain("no Argo CD");
    const { uuid: secret } = await secretsOf(platform, tenant).create();
    const secretValues = [{ path: "password", secret: { secret, key: "key" } }];
    expect(await engineOn(argo, { secretValues })).toContain("use Flux");
    expect(await engineOn(flux, { secretValues })).toMatchObject({ engine: ChartEngine.FLUX });
  });

  it("is one of 1,000 of its project at most", async () => {
    const own = await platform.newTenant();
    const here = await deploymentsOf(platform, own);
    const { uuid } = await here.create();
    const row = await here.row(uuid);
    const { units, liveEnvironment, liveTarget, liveNamespace, ...usual } = row;
    await db()
      .insert(deployments)
      .values(
        Array.from({ length: 998 }, (_, i) => ({
          ...{ ...usual, id: platform.platform.newId(), name: `f-${i}`, objectName: `f-${i}` },
        })),
      );
    await here.create();
    expect(await refusal(here.create())).toMatchObject({ code: "ResourceExhausted" });
  });
});

describe("how a change is made", () => {
  it("once, however often the same request comes with the same key", async () => {
    const idempotencyKey = newName("key");
    const order = { name: newName(), labels: { a: "1", b: "2" }, options: { idempotencyKey, reason: "the first" } };
    const first = await all.create(order);
    const again = await all.create({
      ...order,
      labels: { b: "2", a: "1" },
      options: { idempotencyKey, reason: "again" },
    });
    expect(again.task).toMatchObject({ uuid: first.task?.uuid, reason: "the first", idempotencyKey });
    expect(again.release?.uuid).toBe(first.release?.uuid);
    expect(await refusal(all.create({ ...order, description: "another" }))).toMatchObject({ code: "AlreadyExists" });
    const { uuid } = first;
    expect(await refusal(all.configure(uuid, setting({ A: "1" }), { idempotencyKey }))).toMatchObject({
      code: "AlreadyExists",
      message: expect.stringContaining("idempotency_key"),
    });
    await db()
      .update(deploymentTasks)
      .set({ createdAt: new Date(Date.now() - 8 * 86_400_000) })
      .where(eq(deploymentTasks.id, first.task?.uuid ?? ""));
    const { task } = await all.configure(uuid, setting({ A: "1" }), { idempotencyKey });
    expect(task?.uuid).not.toBe(first.task?.uuid);
    expect(await refusal((await deploymentsOf(platform, await platform.newTenant())).create(order))).toMatchObject({
      code: "OK",
    });
  });

  it("not at all when it is only tried", async () => {
    const name = newName();
    const options = { validateOnly: true, idempotencyKey: newName("key") };
    const { deployment, release, task } = await all.create({ name, options });
    expect(deployment).toMatchObject({ name, uuid: "", task: "" });
    expect(release).toMatchObject({ number: 1, uuid: "", task: "" });
    expect(task).toMatchObject({ kind: TaskKind.CREATE, uuid: "", idempotencyKey: "" });
    expect((await all.client.list({ project: tenant.project, name }, all.owner)).deployments).toEqual([]);
    const { uuid } = await all.create({ name, options: { idempotencyKey: options.idempotencyKey } });
    await all.work(uuid);
    const before = await all.row(uuid);
    const tried = await all.configure(uuid, setting({ A: "1" }), { validateOnly: true });
    expect(tried.release).toMatchObject({ number: 2, configuration: { variables: [{ name: "A" }] } });
    expect(await refusal(all.configure(uuid, { unsetVariables: ["NONE"] }, { validateOnly: true }))).toMatchObject({
      code: "NotFound",
    });
    expect(await all.row(uuid)).toEqual(before);
  });

  it("when its time has come", async () => {
    const executeAt = timestampFromDate(new Date(Date.now() + 3_600_000));
    const { task, deployment } = await all.create({ options: { executeAt } });
    expect(task).toMatchObject({ state: TaskState.SCHEDULED, executeAt });
    expect(deployment?.task).toBe(task?.uuid);
    const past = timestampFromDate(new Date(Date.now() - 3_600_000));
    expect((await all.create({ options: { executeAt: past } })).task).toMatchObject({ state: TaskState.QUEUED });
  });

  it("by owners and editors", async () => {
    expect((await all.create({}, as(tenant.tokens.editor))).deployment).toBeDefined();
    expect(await refusal(all.create({}, as(tenant.tokens.viewer)))).toMatchObject({ code: "PermissionDenied" });
    const other = await platform.newTenant();
    expect(await refusal(all.create({}, as(other.tokens.owner)))).toMatchObject({ code: "PermissionDenied" });
    const client = platform.client(DeploymentService);
    expect(await refusal(client.create({ project: tenant.project, name: "x" }, all.owner))).toMatchObject({
      fields: ["source"],
    });
  });
});
