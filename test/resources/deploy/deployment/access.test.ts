import { eq } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeploymentPhase } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { roleBindings } from "../../../../src/resources/iam/access/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { holdersOf } from "../../iam/access/holders.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { chart, deploymentsOf, newName, setting } from "./deployments.js";

let platform: TestPlatform;
let tenant: TestTenant;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
let world: ReturnType<typeof holdersOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  tenant = await platform.newTenant();
  all = await deploymentsOf(platform, tenant);
  world = holdersOf(platform);
});
afterAll(() => platform.close());

/** A user who holds a role in a part of the project, and nothing else. */
async function holder(role: string, part: { environment?: string; deployment?: string }) {
  const user = await world.user();
  const binding = { project: tenant.project, ...part, role, holder: { case: "principal", value: user } } as const;
  await world.access.setRoleBinding(binding, all.owner);
  return as(await world.apiKey(user));
}

describe("whoever holds a role", () => {
  it("in a deployment reaches it and no other", async () => {
    const [mine, other] = [await all.running(), await all.running()];
    const viewer = await holder("viewer", { deployment: mine });
    const editor = await holder("editor", { deployment: mine });
    const { project } = tenant;
    expect((await all.get(mine, viewer)).uuid).toBe(mine);
    expect(await codeOf(all.get(other, viewer))).toBe("PermissionDenied");
    expect(await codeOf(all.client.list({ project }, viewer))).toBe("PermissionDenied");
    expect(await codeOf(all.configure(mine, setting({ A: "1" }), {}, viewer))).toBe("PermissionDenied");
    expect(await codeOf(all.configure(mine, setting({ A: "1" }), {}, editor))).toBe("OK");
    expect(await codeOf(all.configure(other, setting({ A: "1" }), {}, editor))).toBe("PermissionDenied");
    expect(await codeOf(all.client.revealCredentials({ project, deployment: mine }, viewer))).toBe("PermissionDenied");
    expect(await codeOf(all.client.revealCredentials({ project, deployment: mine }, editor))).toBe("OK");
  });

  it("in an environment reaches what is in it and nothing else", async () => {
    const environment = (await all.environments.create()).uuid;
    const [mine, other] = [await all.running({ environment }), await all.running()];
    const editor = await holder("editor", { environment });
    const { project } = tenant;
    const get = (deployment: string) => codeOf(all.client.get({ project, environment, deployment }, editor));
    expect([await get(mine), await get(other)]).toEqual(["OK", "NotFound"]);
    const { deployments } = await all.client.list({ project, environment }, editor);
    expect(deployments.map(({ uuid }) => uuid)).toEqual([mine]);
    expect(await codeOf(all.get(mine, editor))).toBe("PermissionDenied");
    expect(await codeOf(all.create({ environment }, editor))).toBe("OK");
    expect(await codeOf(all.create({}, editor))).toBe("PermissionDenied");
    const { releases } = await all.releases.list({ project, environment }, editor);
    expect(new Set(releases.map(({ deployment }) => deployment)).has(other)).toBe(false);
  });

  it("in a deployment has it while the deployment is there", async () => {
    const bind = (deployment: string, user: string) =>
      world.access.setRoleBinding(
        { project: tenant.project, deployment, role: "viewer", holder: { case: "principal", value: user } },
        all.owner,
      );
    const user = await world.user();
    expect(await refusal(bind(tenant.project, user))).toMatchObject({ code: "NotFound" });
    const foreign = await (await deploymentsOf(platform, await platform.newTenant())).running();
    expect(await refusal(bind(foreign, user))).toMatchObject({ code: "NotFound" });
    const uuid = await all.running();
    await bind(uuid, user);
    const held = () => platform.platform.db.$count(roleBindings, eq(roleBindings.subject, uuid));
    expect(await held()).toBe(1);
    await all.client.delete({ project: tenant.project, deployment: uuid }, all.owner);
    await all.work(uuid);
    expect(await held()).toBe(0);
    expect(await refusal(bind(uuid, user))).toMatchObject({ code: "NotFound" });
  });
});

it("no method tells a deployment of another project, or of another environment, from none", async () => {
  const other = await deploymentsOf(platform, await platform.newTenant());
  const [foreign, elsewhere] = [await other.running(), await all.running()];
  const environment = (await all.environments.create()).uuid;
  const methods = [
    ...["get", "update", "delete", "start", "stop", "restart", "getConnectionInfo", "revealCredentials", "preview"],
  ] as const;
  const call = (method: (typeof methods)[number], scope: object): Promise<unknown> => {
    const named = { project: tenant.project, ...scope };
    const client = all.client as unknown as Record<string, (request: object, by: object) => Promise<unknown>>;
    return client[method]?.(named, all.owner) ?? Promise.reject(new Error(method));
  };
  const extra: ((scope: object) => Promise<unknown>)[] = [
    (scope) => all.client.scale({ project: tenant.project, replicas: { web: 1 }, ...scope }, all.owner),
    (scope) => all.client.setAutoscale({ project: tenant.project, process: "web", ...scope }, all.owner),
    (scope) => all.client.move({ project: tenant.project, target: all.home.target, ...scope }, all.owner),
    (scope) =>
      all.client.invokeAction(
        { project: tenant.project, action: { case: "runJob", value: { process: "web" } }, ...scope },
        all.owner,
      ),
    (scope) => all.releases.get({ project: tenant.project, number: 1, ...scope }, all.owner),
    (scope) => all.releases.list({ project: tenant.project, ...scope }, all.owner),
    (scope) => all.releases.create({ project: tenant.project, ...scope }, all.owner),
    (scope) => all.releases.redeploy({ project: tenant.project, ...scope }, all.owner),
    (scope) => all.releases.rollback({ project: tenant.project, number: 1, ...scope }, all.owner),
    (scope) => all.releases.update({ project: tenant.project, number: 1, ...scope }, all.owner),
    (scope) => all.releases.delete({ project: tenant.project, number: 1, ...scope }, all.owner),
    (scope) => all.configs.get({ project: tenant.project, ...scope }, all.owner),
    (scope) => all.configs.update({ project: tenant.project, patch: setting({ A: "1" }), ...scope }, all.owner),
    async (scope) => {
      for await (const each of all.client.watch({ project: tenant.project, ...scope }, all.owner)) return each;
      return undefined;
    },
  ];
  const calls = [...methods.map((method) => (scope: object) => call(method, scope)), ...extra];
  const scopes = [{ deployment: foreign }, { deployment: elsewhere, environment }, { deployment: tenant.project }];
  for (const [i, each] of calls.entries()) {
    for (const scope of scopes) {
      expect({ i, scope, ...(await refusal(each(scope))) }).toMatchObject({
        ...{ i, scope, code: "NotFound", message: `deployment ${scope.deployment} does not exist` },
      });
    }
  }
  const before = await all.row(elsewhere);
  expect(before).toMatchObject({ version: 1, phase: "idle" });
});

describe("deployments are listed", () => {
  it("by name, page by page, as far as they match [platz.allDeployments, tsuru.app-list, tsuru.node-container-list, pds.list-project-deployments, deis.apps-list]", async () => {
    const own = await platform.newTenant();
    const here = await deploymentsOf(platform, own);
    const there = (await here.environments.create()).uuid;
    const shape = fc.record({ count: fc.integer({ min: 0, max: 7 }), size: fc.integer({ min: 1, max: 4 }) });
    let made: string[] = [];
    await fc.assert(
      fc.asyncProperty(shape, async ({ count, size }) => {
        while (made.length < count) {
          const name = newName(["b", "a", "c"][made.length % 3]);
          made = [...made, (await here.create({ name, environment: made.length % 2 ? there : here.environment })).uuid];
        }
        const seen: string[] = [];
        let pageToken = "";
        do {
          const page = await here.client.list({ project: own.project, pageSize: size, pageToken }, here.owner);
          expect(page.deployments.length).toBeLessThanOrEqual(size);
          seen.push(...page.deployments.map(({ name }) => name));
          pageToken = page.nextPageToken;
        } while (pageToken !== "");
        expect(seen).toEqual(seen.toSorted());
        expect(new Set(seen).size).toBe(made.length);
      }),
      { numRuns: 8 },
    );
    const uuid = await here.running({
      name: "helm",
      source: chart("demo-web"),
      labels: { a: "b" },
      ...(await here.place()),
    });
    const { target } = await here.get(uuid);
    const found = async (filter: object) =>
      (await here.client.list({ project: own.project, ...filter }, here.owner)).deployments.map(({ name }) => name);
    for (const filter of [
      { name: "helm" },
      { kind: "demo-web" },
      { labels: { a: "b" } },
      { target },
      { phase: DeploymentPhase.IDLE },
    ]) {
      expect(await found(filter)).toEqual(["helm"]);
    }
    expect(await found({ name: "" })).toEqual([]);
    expect(await refusal(found({ pageToken: "nonsense" }))).toMatchObject({ fields: ["page_token"] });
  });

  it("and read by their uuid [platz.getDeployment, tsuru.app-info, tsuru.node-container-info, pds.get-deployment, pds.get-deployment-status, deis.apps-info]", async () => {
    const uuid = await all.running();
    expect(await all.get(uuid)).toMatchObject({
      ...{ uuid, kind: "shop", activeRelease: 1, phase: DeploymentPhase.IDLE, task: "" },
      source: { source: { case: "image" } },
      processes: [{ name: "web", replicas: 1, currentReplicas: 0, readyReplicas: 0 }],
    });
  });
});
