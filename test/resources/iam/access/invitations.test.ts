import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { RoleBindingState, ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { goodInvitations } from "../../../../src/resources/iam/access/good-invitations.js";
import { acceptPendingBindings } from "../../../../src/resources/iam/access/pending.js";
import { principals } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";
import { holdersOf } from "./holders.js";

let platform: TestPlatform;
let world: ReturnType<typeof holdersOf>;
let tenant: TestTenant;
/** An environment of its project, and a deployment in it of the same uuid. */
let part: string;
let owner: ReturnType<typeof as>;
let address: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  world = holdersOf(platform);
});
afterAll(() => platform.close());
beforeEach(async () => {
  tenant = await platform.newTenant();
  part = await world.part(tenant);
  owner = as(tenant.tokens.owner);
  address = `${tenant.tenant}@Example.org`;
});

type Place = { login?: string; project?: string; environment?: string };
const invite = async (place: Place, role: string) =>
  (await world.access.setRoleBinding({ ...place, role, holder: { case: "email", value: address } }, owner)).binding;
const accept = async (principal: string, email = address) => {
  const { db, clock, newId } = platform.platform;
  const good = await goodInvitations(db, platform.platform, email);
  await db.transaction((tx) => acceptPendingBindings(tx, { principal, email, good, now: clock(), newId }));
};
const held = async (principal: string) => {
  const { bindings } = await world.access.listRoleBindings({ login: tenant.tenant, narrower: true, principal }, owner);
  return bindings.map(({ roleName }) => roleName);
};
const waiting = async () => {
  const state = RoleBindingState.PENDING;
  const { bindings } = await world.access.listRoleBindings({ login: tenant.tenant, narrower: true, state }, owner);
  return bindings.map(({ email, roleName }) => `${email} ${roleName}`);
};

describe("an e-mail address", () => {
  it("of one user stands for that user, whatever its case [pds.create-invitation]", async () => {
    const user = await world.user(address.toUpperCase());
    expect(await invite({ project: tenant.project }, "editor")).toMatchObject({
      principal: user,
      email: "",
      state: RoleBindingState.ACTIVE,
    });
    const holder = { case: "email", value: address } as const;
    const order = { project: tenant.project, role: "editor", holder };
    expect((await world.access.deleteRoleBinding(order, owner)).binding?.principal).toBe(user);
    expect(await held(user)).toEqual([]);
  });

  it("of nobody, or of several users, is invited; the role can change, and be withdrawn [pds.patch-account-role-invitation, pds.delete-account-role-invitation]", async () => {
    const email = address.toLowerCase();
    const { tenant: login } = tenant;
    expect(await invite({ login }, "viewer")).toMatchObject({ principal: "", email, state: RoleBindingState.PENDING });
    await invite({ login }, "editor");
    expect(await waiting()).toEqual([`${email} editor`]);
    await world.user(address);
    await world.user(address);
    expect(await invite({ login }, "owner")).toMatchObject({ email });
    expect(await waiting()).toEqual([`${email} owner`]);
    const named = { login, holder: { case: "email", value: address } } as const;
    expect(await codeOf(world.access.deleteRoleBinding({ ...named, role: "viewer" }, owner))).toBe("NotFound");
    expect((await world.access.deleteRoleBinding({ ...named, role: "owner" }, owner)).binding).toMatchObject({ email });
    expect(await waiting()).toEqual([]);
  });
});

describe("an invitation", () => {
  it("becomes what it promised when its user signs in", async () => {
    const { tenant: login, project } = tenant;
    const role = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ClusterService.List");
    await invite({ login }, "guest");
    await invite({ project }, "viewer");
    await invite({ project }, role);
    await invite({ project, environment: part }, "editor");
    const user = await world.user();
    const token = as(await tokensOf(platform).console(user));
    const lists = () => codeOf(platform.client(ClusterService).list({ project }, token));
    expect(await lists()).toBe("PermissionDenied");
    await accept(user, "somebody@else.example.org");
    await accept(user, "");
    expect(await held(user)).toEqual([]);
    await accept(user);
    expect(await held(user)).toHaveLength(4);
    expect((await held(user))[0]).toBe("guest");
    expect(await waiting()).toEqual([]);
    expect(await lists()).toBe("OK");
    await accept(user);
    expect(await held(user)).toHaveLength(4);
  });

  it("never weakens what its user holds already, and strengthens it", async () => {
    const { tenant: login, project } = tenant;
    const places: Place[] = [{ login }, { project }, { project, environment: part }];
    for (const [before, invited, after] of [
      ["editor", "viewer", "editor"],
      ["viewer", "owner", "owner"],
      ["editor", "editor", "editor"],
    ] as const) {
      const user = await world.user();
      for (const place of places) {
        await world.access.setRoleBinding(
          { ...place, role: before, holder: { case: "principal", value: user } },
          owner,
        );
        await invite(place, invited);
      }
      await accept(user);
      expect(await held(user)).toEqual([after, after, after]);
    }
  });

  it("is accepted once, however many sign in", async () => {
    const { tenant: login } = tenant;
    await invite({ login }, "viewer");
    const users = await Promise.all([1, 2, 3, 4].map(() => world.user()));
    await Promise.all(users.map((user) => accept(user)));
    const roles = await Promise.all(users.map(held));
    expect(roles.flat()).toEqual(["viewer"]);
  });
});

describe("an invitation is worth no more than its maker could give today", () => {
  /** Somebody with that role in the tenant, and how to invite with that person's token. */
  async function maker(role: "owner" | "editor") {
    const id = await world.user();
    const { tenant: login } = tenant;
    await world.access.setRoleBinding({ login, role, holder: { case: "principal", value: id } }, owner);
    const token = as(await tokensOf(platform).console(id));
    const demote = (weaker: string) =>
      world.access.setRoleBinding({ login, role: weaker, holder: { case: "principal", value: id } }, owner);
    const inviteTo = (place: Place, given: string) =>
      world.access.setRoleBinding({ ...place, role: given, holder: { case: "email", value: address } }, token);
    return { id, demote, inviteTo };
  }

  it("and waits while its maker is demoted, disabled or put out", async () => {
    const { tenant: login, project } = tenant;
    const role = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ClusterService.Create");
    const { id, demote, inviteTo } = await maker("owner");
    for (const [place, given] of [
      [{ login }, "owner"],
      [{ project }, "owner"],
      [{ project, environment: part }, "editor"],
      [{ project }, role],
    ] as const) {
      await inviteTo(place, given);
    }
    const user = await world.user();
    await demote("viewer");
    await accept(user);
    expect(await held(user)).toEqual([]);
    await demote("editor");
    const { db } = platform.platform;
    await db.update(principals).set({ enabled: false }).where(eq(principals.id, id));
    await accept(user);
    expect(await held(user)).toEqual([]);
    await db.update(principals).set({ enabled: true }).where(eq(principals.id, id));
    await accept(user);
    expect(await held(user)).toHaveLength(2);
    expect(await waiting()).toEqual([`${address.toLowerCase()} owner`, `${address.toLowerCase()} owner`]);
  });

  it("and good again once somebody else makes it who could", async () => {
    const { tenant: login, project } = tenant;
    const role = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ClusterService.List");
    const { demote, inviteTo } = await maker("owner");
    await inviteTo({ login }, "editor");
    await inviteTo({ project }, "viewer");
    await inviteTo({ project }, role);
    await demote("guest");
    const user = await world.user();
    await accept(user);
    expect(await held(user)).toEqual([]);
    await invite({ login }, "editor");
    await invite({ project }, "owner");
    await invite({ project }, role);
    await accept(user);
    expect(await held(user)).toHaveLength(3);
    expect(await waiting()).toEqual([]);
  });
});
