import { afterAll, beforeAll, expect, it } from "vitest";
import { MethodService } from "../../../../gen/ts/api/v1/methods_pb.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { customRoles, roleBindings } from "../../../../src/resources/iam/access/table.js";
import { principalStore } from "../../../../src/resources/iam/principal/store.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { tokensOf } from "../../support/tokens.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const list = "/api.v1.ClusterService/List";
const create = "/api.v1.ClusterService/Create";
const scoped = async (secret: string) => {
  const answer = await platform.client(MethodService).tokenScopedList({}, as(secret));
  const permissions = Object.fromEntries(answer.permissions.map(({ subject, methods }) => [subject, methods]));
  return { ...answer, permissions };
};

async function newUser(): Promise<string> {
  const { db, clock, newId } = platform.platform;
  const user = `u-${newId()}`;
  await principalStore.ensureUser(db, user, clock());
  return user;
}

async function bindCustom(principal: string, permissions: string[]): Promise<void> {
  const { db, clock, newId } = platform.platform;
  const { tenant, project } = platform;
  const now = clock();
  const role = { id: newId(), tenant, name: newId(), scope: "project", permissions } as const;
  await db.insert(customRoles).values({ ...role, createdAt: now, updatedAt: now });
  const binding = { id: newId(), scope: "project", project, principal, customRole: role.id } as const;
  await db.insert(roleBindings).values({ ...binding, createdBy: tenant, createdAt: now });
}

it("methods of custom roles are told as permissions [metalstack.api.v1.MethodService.TokenScopedList]", async () => {
  const user = await newUser();
  await bindCustom(user, ["api.v1.ClusterService.List", "api.v1.ClusterService.Create"]);
  const answer = await scoped(await tokensOf(platform).console(user));
  expect(answer.permissions).toEqual({ [platform.project]: [create, list] });
  expect(answer.projectRoles).toEqual({});
  // A token takes of them what its own role admits.
  const grant = { owner: user, tenantRoles: {}, adminRole: null };
  const viewer = await platform.token({ ...grant, projectRoles: { [platform.project]: "viewer" } });
  expect((await scoped(viewer)).permissions).toEqual({ [platform.project]: [list] });
  const none = await platform.token({ ...grant, projectRoles: {} });
  expect((await scoped(none)).permissions).toEqual({});
});

it("permissions go with the last thing that the owner has there", async () => {
  const { db, clock } = platform.platform;
  const user = await newUser();
  await tenantStore.setMember(db, platform.tenant, user, "viewer", clock());
  const secret = await tokensOf(platform).secretOf(
    { permissions: [{ subject: platform.project, methods: [list] }] },
    await tokensOf(platform).console(user),
  );
  expect((await scoped(secret)).permissions).toEqual({ [platform.project]: [list] });
  await tenantStore.setMember(db, platform.tenant, user, "guest", clock());
  await expect.poll(async () => (await scoped(secret)).permissions, { timeout: 10_000 }).toEqual({});
});

it("permissions are told as far as the owner may do that now", async () => {
  const { db, clock } = platform.platform;
  const user = await newUser();
  await tenantStore.setMember(db, platform.tenant, user, "editor", clock());
  const secret = await tokensOf(platform).secretOf(
    { permissions: [{ subject: platform.project, methods: [list, create] }] },
    await tokensOf(platform).console(user),
  );
  expect((await scoped(secret)).permissions).toEqual({ [platform.project]: [create, list] });
  await tenantStore.setMember(db, platform.tenant, user, "viewer", clock());
  await expect
    .poll(async () => (await scoped(secret)).permissions, { timeout: 10_000 })
    .toEqual({ [platform.project]: [list] });
});

it("roles in environments are told by their methods there, not as roles in projects", async () => {
  const { db, clock, newId } = platform.platform;
  const user = await newUser();
  const { tenant, project } = platform;
  const environment = newId();
  const binding = { id: newId(), scope: "environment", project, subject: environment, principal: user } as const;
  await db.insert(roleBindings).values({ ...binding, builtInRole: "viewer", createdBy: tenant, createdAt: clock() });
  const answer = await scoped(await tokensOf(platform).console(user));
  expect(answer.projectRoles).toEqual({});
  expect(answer.roles).toEqual([]);
  expect(Object.keys(answer.permissions)).toEqual([`${project}/environments/${environment}`]);
  const [methods = []] = Object.values(answer.permissions);
  expect(methods).toContain("/iam.v1.AccessService/ListRoleBindings");
  expect(methods).not.toContain("/iam.v1.AccessService/SetRoleBinding");
  expect(methods).not.toContain(list);
});
