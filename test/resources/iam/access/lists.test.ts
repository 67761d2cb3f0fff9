import { afterAll, beforeAll, expect, it } from "vitest";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { tokensOf } from "../../support/tokens.js";
import { holdersOf } from "./holders.js";

let platform: TestPlatform;
let world: ReturnType<typeof holdersOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  world = holdersOf(platform);
});
afterAll(() => platform.close());

it("whoever may get a tenant or a project by a custom role finds it in the list", async () => {
  const tenant = await platform.newTenant();
  const { tenant: login, project } = tenant;
  const owner = as(tenant.tokens.owner);
  const user = await world.user();
  const by = as(await tokensOf(platform).console(user));
  const holder = { case: "principal", value: user } as const;
  const lists = async () => {
    const { tenants } = await platform.client(TenantService).list({}, by);
    const { projects } = await platform.client(ProjectService).list({}, by);
    return [tenants.map((each) => [each.login, each.createdBy]), projects.map(({ uuid }) => uuid)];
  };
  const other = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ClusterService.List");
  await world.access.setRoleBinding({ project, role: other, holder }, owner);
  expect(await lists()).toEqual([[], []]);
  const gets = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ProjectService.Get");
  await world.access.setRoleBinding({ project, role: gets, holder }, owner);
  await expect.poll(lists).toEqual([[], [project]]);
  const whole = await world.role(tenant, ScopeKind.TENANT, "api.v1.TenantService.Get");
  await world.access.setRoleBinding({ login, role: whole, holder }, owner);
  const { tenant: got } = await platform.client(TenantService).get({ login }, by);
  await expect.poll(lists).toEqual([[[login, got?.createdBy]], [project]]);
});
