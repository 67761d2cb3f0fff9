import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrincipalKind, PrincipalService } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { memberStore } from "../../../../src/resources/api/member/store.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { type Person, peopleOf } from "../../support/people.js";
import { refusal } from "../../support/refusals.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let ada: Person;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  ada = await people.person("ada");
});
afterAll(() => platform.close());

describe("a tenant whose bots own another one", () => {
  it("stays while nobody else owns that", async () => {
    const bob = await people.person("bob");
    const { tenant, project } = await people.organization(ada);
    const { tenant: other } = await people.organization(ada);
    const own = (member: string, role: "owner" | "viewer" = "owner") =>
      memberStore.setTenantRole(platform.platform.db, { tenant: other, member, role, now: new Date() });
    for (const name of ["first", "second"]) {
      const asked = { login: tenant, kind: PrincipalKind.BOT, name };
      const { principal } = await platform.client(PrincipalService).create(asked, ada.me);
      await own(principal?.id ?? "");
    }
    await people.projects.delete({ project }, ada.me);
    await own(ada.login, "viewer");
    const remove = () => refusal(people.tenants.delete({ login: tenant }, ada.me));
    expect(await remove()).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining(`last owners of tenant ${other}`),
    });
    await own(bob.login);
    expect((await remove()).code).toBe("OK");
    expect(
      (await memberStore.tenantMembers(platform.platform.db, other)).map(({ member, role }) => [member, role]),
    ).toEqual([
      [ada.login, "viewer"],
      [bob.login, "owner"],
    ]);
  });
});
