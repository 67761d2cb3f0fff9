import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { leaveTenant } from "../../../../src/resources/api/member/leave.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";
import { holdersOf } from "./holders.js";

let platform: TestPlatform;
let world: ReturnType<typeof holdersOf>;
let tenant: TestTenant;
beforeAll(async () => {
  platform = await startPlatform({ background: false, env: { SLIPWAY_MAX_FEED_SILENCE_SECONDS: "300" } });
  world = holdersOf(platform);
  // From now on nobody tells the server that what it knows of its callers has changed.
  await platform.platform.feed.close();
});
afterAll(() => platform.close());
beforeEach(async () => {
  tenant = await platform.newTenant();
});

/** What an owner may do with roles; `role` is a custom one that a bot holds in the project. */
function attempts(by: string, role: string, bot: string): readonly (() => Promise<string>)[] {
  const { tenant: login, project } = tenant;
  const { access } = world;
  const holder = { case: "principal", value: bot } as const;
  return [
    () => codeOf(access.setRoleBinding({ login, role: "viewer", holder }, as(by))),
    () => codeOf(access.setRoleBinding({ project, role: "viewer", holder }, as(by))),
    () =>
      codeOf(
        access.setRoleBinding(
          { project, role: "editor", holder: { case: "email", value: "back@example.org" } },
          as(by),
        ),
      ),
    () => codeOf(access.updateRole({ login, id: role, addPermissions: ["api.v1.ClusterService.Delete"] }, as(by))),
    () => codeOf(access.deleteRoleBinding({ project, role, holder }, as(by))),
  ];
}

async function heldRole(bot: string): Promise<string> {
  const role = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ClusterService.List");
  const holder = { case: "principal", value: bot } as const;
  await world.access.setRoleBinding({ project: tenant.project, role, holder }, as(tenant.tokens.owner));
  return role;
}

it.each(["removed", "demoted"])(
  "an owner who was %s gives and takes no role, though a server has not heard of it yet",
  async (how) => {
    const { db, clock } = platform.platform;
    const bot = await world.bot(tenant);
    const role = await heldRole(bot);
    const member = await world.user();
    await tenantStore.setMember(db, tenant.tenant, member, "owner", clock());
    const token = await tokensOf(platform).console(member);
    // So that the server knows the caller as owner.
    expect(await codeOf(world.access.listRoleBindings({ login: tenant.tenant }, as(token)))).toBe("OK");
    if (how === "removed") await leaveTenant(db, { tenant: tenant.tenant, member });
    else await tenantStore.setMember(db, tenant.tenant, member, "viewer", clock());
    for (const attempt of attempts(token, role, bot)) expect(await attempt()).toBe("PermissionDenied");
    for (const attempt of attempts(tenant.tokens.owner, role, bot)) expect(await attempt()).toBe("OK");
  },
);
