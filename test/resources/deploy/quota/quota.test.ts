import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DomainError } from "../../../../src/errors.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { holdersOf } from "../../iam/access/holders.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { type Place, quotasOf } from "./quotas.js";

let platform: TestPlatform;
let tenant: TestTenant;
let quotas: ReturnType<typeof quotasOf>;
let place: Place;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
beforeEach(async () => {
  tenant = await platform.newTenant();
  quotas = quotasOf(platform, tenant);
  place = await quotas.place(await holdersOf(platform).environment(tenant));
});
afterAll(() => platform.close());

const missing = "0195c0de-0000-7000-8000-0000000000ff";
const admin = () => as(platform.adminToken);
const project = () => ({ project: tenant.project });
const exhausted = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof DomainError && error.kind === "exhausted" ? error.message : error;
};

describe("of a deployment", () => {
  it("shows the units that it has, or shall have [tsuru.app-quota-view]", async () => {
    const deployment = await quotas.deploy(place, 2);
    expect(await quotas.get({ ...project(), deployment })).toMatchObject({
      deploymentsLimit: -1n,
      deploymentsInUse: 1n,
      unitsLimit: -1n,
      unitsInUse: 2n,
    });
    const [more, less] = [await quotas.scale(place, deployment, 5), await quotas.scale(place, deployment, 1)];
    expect(await quotas.get({ ...project(), deployment })).toMatchObject({ unitsInUse: 5n });
    await quotas.end(more, "failed");
    expect(await quotas.get({ ...project(), deployment })).toMatchObject({ unitsInUse: 2n });
    await quotas.end(less, "succeeded");
    expect(await quotas.get({ ...project(), deployment })).toMatchObject({ unitsInUse: 1n });
    expect((await quotas.get({ ...project(), deployment })).updatedAt).toBeUndefined();
  });

  it("limits its units, not below what is in use [tsuru.app-quota-change]", async () => {
    const deployment = await quotas.deploy(place, 2);
    expect(await refusal(quotas.set({ deploymentUuid: deployment, unitsLimit: 1n }))).toMatchObject({
      code: "FailedPrecondition",
      message: "the deployment has 2 units: the limit must not be below that",
    });
    const quota = await quotas.set({ deploymentUuid: deployment, unitsLimit: 3n });
    expect(quota).toMatchObject({ unitsLimit: 3n, unitsInUse: 2n });
    expect(quota?.updatedAt).toBeDefined();
    expect(await exhausted(quotas.scale(place, deployment, 4))).toBe(
      "the deployment may have 3 units and has 2: 2 more are not possible, unless its limit is raised or others go",
    );
    await quotas.scale(place, deployment, 3);
    expect(await codeOf(quotas.set({ deploymentUuid: deployment, unitsLimit: 2n }))).toBe("FailedPrecondition");
    await quotas.set({ deploymentUuid: deployment, unitsLimit: -1n });
    await quotas.scale(place, deployment, 40);
  });

  it("has no limit of deployments, and is one of the project that is named", async () => {
    const deployment = await quotas.deploy(place, 1);
    expect(await refusal(quotas.set({ deploymentUuid: deployment, deploymentsLimit: 1n }))).toMatchObject({
      code: "InvalidArgument",
      fields: ["deployments_limit"],
    });
    const other = quotasOf(platform, await platform.newTenant());
    expect(await codeOf(other.set({ deploymentUuid: deployment, unitsLimit: 9n }))).toBe("NotFound");
    expect(await codeOf(quotas.get({ ...project(), environment: missing, deployment }))).toBe("NotFound");
    expect(await codeOf(quotas.get({ ...project(), deployment: missing }))).toBe("NotFound");
    await quotas.remove(deployment);
    expect(await codeOf(quotas.get({ ...project(), deployment }))).toBe("NotFound");
    expect(await codeOf(quotas.set({ deploymentUuid: deployment, unitsLimit: 9n }))).toBe("NotFound");
  });

  it("is shown to whoever has a role in it alone", async () => {
    const deployment = await quotas.deploy(place, 1);
    const holders = holdersOf(platform);
    const bot = await holders.bot(tenant);
    const binding = { ...project(), deployment, role: "viewer", holder: { case: "principal" as const, value: bot } };
    expect(await codeOf(holders.access.setRoleBinding(binding, quotas.owner))).toBe("OK");
    const by = as(await holders.apiKey(bot));
    expect(await quotas.get({ ...project(), deployment }, by)).toMatchObject({ unitsInUse: 1n });
    expect(await codeOf(quotas.get(project(), by))).toBe("PermissionDenied");
    expect(await codeOf(quotas.set({ deploymentUuid: deployment, unitsLimit: 9n }, by))).toBe("PermissionDenied");
  });
});

describe("of a tenant", () => {
  const login = () => ({ login: tenant.tenant });

  it("shows the deployments of all of its projects [tsuru.team-quota-view]", async () => {
    await quotas.deploy(place, 2);
    const gone = await quotas.deploy(place, 3);
    await quotas.remove(gone);
    await quotasOf(platform, await platform.newTenant()).get();
    expect(await quotas.get(login())).toMatchObject({
      deploymentsLimit: -1n,
      deploymentsInUse: 1n,
      unitsInUse: 2n,
    });
    expect(await codeOf(quotas.get({ login: "nobody" }, admin()))).toBe("NotFound");
  });

  it("an admin limits its deployments, and nobody else [tsuru.team-quota-change]", async () => {
    await quotas.deploy(place, 1);
    const limits = { tenant: tenant.tenant, deploymentsLimit: 1n };
    expect(await codeOf(quotas.set(limits))).toBe("PermissionDenied");
    expect(await quotas.set(limits, admin())).toMatchObject({ deploymentsLimit: 1n, deploymentsInUse: 1n });
    expect(await exhausted(quotas.deploy(place, 0))).toBe(
      "the tenant may have 1 deployments and has 1: 1 more are not possible, unless its limit is raised or others go",
    );
    expect(await codeOf(quotas.set({ ...limits, deploymentsLimit: 0n }, admin()))).toBe("FailedPrecondition");
    expect(await codeOf(quotas.set({ tenant: "nobody", unitsLimit: 1n }, admin()))).toBe("NotFound");
  });

  it("shows to a user what the own tenant has [tsuru.user-quota-view]", async () => {
    await quotas.deploy(place, 2);
    const by = as(tenant.tokens.viewer);
    expect(await quotas.get(login(), by)).toMatchObject({ deploymentsInUse: 1n, unitsInUse: 2n });
    const stranger = as((await platform.newTenant()).tokens.owner);
    expect(await codeOf(quotas.get(login(), stranger))).toBe("PermissionDenied");
  });

  it("what an admin sets holds for the user, whatever the user sets [tsuru.user-quota-change]", async () => {
    await quotas.set({ tenant: tenant.tenant, unitsLimit: 4n }, admin());
    await quotas.set({ unitsLimit: 100n });
    const deployment = await quotas.deploy(place, 3);
    expect(await exhausted(quotas.scale(place, deployment, 5))).toMatch("the tenant may have 4 units and has 3");
    expect(await quotas.get(login(), as(tenant.tokens.viewer))).toMatchObject({ unitsLimit: 4n, unitsInUse: 3n });
  });
});

describe("of a project and an environment", () => {
  it("limits hold for each of them by itself; what is not set stays", async () => {
    const other = await quotas.place(await holdersOf(platform).environment(tenant));
    await quotas.set({ environmentUuid: place.environment, deploymentsLimit: 1n, unitsLimit: 3n });
    await quotas.set({ deploymentsLimit: 3n });
    const first = await quotas.deploy(place, 3);
    expect(await exhausted(quotas.deploy(place, 0))).toMatch("the environment may have 1 deployments");
    expect(await exhausted(quotas.scale(place, first, 4))).toMatch("the environment may have 3 units");
    await quotas.deploy(other, 9);
    await quotas.deploy(other, 9);
    expect(await exhausted(quotas.deploy(other, 0))).toMatch("the project may have 3 deployments");
    expect(await quotas.set({ environmentUuid: place.environment, deploymentsLimit: 2n })).toMatchObject({
      deploymentsLimit: 2n,
      unitsLimit: 3n,
    });
    expect(await quotas.get({ ...project(), environment: other.environment })).toMatchObject({
      deploymentsInUse: 2n,
      unitsInUse: 18n,
    });
    expect(await quotas.get()).toMatchObject({ deploymentsLimit: 3n, deploymentsInUse: 3n, unitsInUse: 21n });
  });

  it("what adds nothing is not refused, and a limit of what is in use forbids more alone", async () => {
    const deployment = await quotas.deploy(place, 3);
    await quotas.set({ unitsLimit: 3n });
    await quotas.scale(place, deployment, 3);
    await quotas.scale(place, deployment, 1);
    expect(await exhausted(quotas.scale(place, deployment, 4))).toMatch("the project may have 3 units and has 3");
    await quotas.deploy(place, 0);
  });

  it("nothing to set answers what there is", async () => {
    const quota = await quotas.set({});
    expect(quota).toMatchObject({ deploymentsLimit: -1n, unitsLimit: -1n });
    expect(quota?.updatedAt).toBeUndefined();
  });

  it("requests name one of them, and what is there", async () => {
    const fields = async (call: Promise<unknown>) => (await refusal(call)).fields;
    const { set, get } = quotas.client;
    expect(await fields(set({ unitsLimit: 1n }, admin()))).toEqual(["project"]);
    expect(await fields(set({ ...project(), tenant: tenant.tenant }, admin()))).toEqual(["project"]);
    expect(await fields(set({ tenant: tenant.tenant, environmentUuid: missing }, admin()))).toEqual([
      "environment_uuid",
    ]);
    expect(await fields(set({ tenant: tenant.tenant, deploymentUuid: missing }, admin()))).toEqual(["deployment_uuid"]);
    const both = { environmentUuid: missing, deploymentUuid: missing };
    expect(await fields(quotas.set(both))).toEqual(["deployment_uuid"]);
    expect(await fields(get({}, admin()))).toEqual(["project"]);
    expect(await fields(get({ login: tenant.tenant, deployment: missing }, admin()))).toEqual(["deployment"]);
    expect(await codeOf(quotas.set({ environmentUuid: missing, unitsLimit: 1n }))).toBe("NotFound");
    expect(await codeOf(quotas.get({ ...project(), environment: missing }))).toBe("NotFound");
    expect(await codeOf(get({ project: missing }, admin()))).toBe("NotFound");
    expect(await codeOf(set({ project: missing, unitsLimit: 1n }, admin()))).toBe("NotFound");
    expect(await codeOf(quotas.set({ unitsLimit: -2n }))).toBe("InvalidArgument");
  });

  it("owners set limits, editors and viewers see them", async () => {
    for (const role of ["editor", "viewer"] as const) {
      expect(await codeOf(quotas.set({ unitsLimit: 9n }, as(tenant.tokens[role])))).toBe("PermissionDenied");
      expect(await codeOf(quotas.get(project(), as(tenant.tokens[role])))).toBe("OK");
    }
    const stranger = as((await platform.newTenant()).tokens.owner);
    expect(await codeOf(quotas.get(project(), stranger))).toBe("PermissionDenied");
    expect(await codeOf(quotas.set({ unitsLimit: 9n }, stranger))).toBe("PermissionDenied");
  });
});
