import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AccessService } from "../../../../gen/ts/iam/v1/access_pb.js";
import { leaveTenant } from "../../../../src/resources/api/member/leave.js";
import { principals, teamMembers } from "../../../../src/resources/iam/principal/table.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { waitsOrEnds } from "../../support/waiting.js";
import { peopleOf } from "../credential/people.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
});
afterAll(() => platform.close());

const update = (id: string, set: object, token: string) =>
  refusal(people.principals.update({ login: platform.tenant, id, ...set }, as(token)));

describe("an editor of a tenant", () => {
  it("who is in a team of owners does not get its rights back after an owner has disabled it", async () => {
    const eve = await people.user("eve");
    await people.setRole(eve.login, "editor");
    const team = await people.team([eve.login], "owner");
    expect((await update(team, { enabled: false }, platform.tokens.owner)).code).toBe("OK");
    const tryToEnable = () => update(team, { enabled: true }, eve.token);
    await expect.poll(async () => (await tryToEnable()).code).toBe("PermissionDenied");
    expect((await tryToEnable()).message).toContain("the team has the role owner");
    // What else is asked for at once does not happen, either.
    expect((await update(team, { enabled: true, name: "renamed" }, eve.token)).code).toBe("PermissionDenied");
    const { principal } = await people.principals.get({ login: platform.tenant, id: team }, as(platform.tokens.owner));
    expect(principal).toMatchObject({ enabled: false });
    expect(principal?.name).not.toBe("renamed");
    expect((await update(team, { enabled: true }, platform.tokens.owner)).code).toBe("OK");
  });

  it("enables no bot that may do more, and an owner every one, whatever it may do elsewhere", async () => {
    const other = await platform.newTenant();
    const [strong, weak] = [await people.bot("owner"), await people.bot("editor")];
    await people.setRole(weak, "owner", other.tenant);
    for (const bot of [strong, weak]) {
      expect((await update(bot, { enabled: false }, platform.tokens.editor)).code).toBe("OK");
    }
    expect((await update(strong, { enabled: true }, platform.tokens.editor)).code).toBe("PermissionDenied");
    expect((await update(strong, { description: "kept" }, platform.tokens.editor)).code).toBe("OK");
    expect((await update(weak, { enabled: true }, platform.tokens.editor)).code).toBe("OK");
    expect((await update(strong, { enabled: true }, platform.tokens.owner)).code).toBe("OK");
  });
});

describe.skipIf(postgresUrl === undefined)(`of two who come at once (${needsPostgres})`, () => {
  it("nobody joins a strong team because it was disabled a moment ago", async () => {
    const [bot, team] = [await people.bot(), await people.team([], "owner")];
    const { db } = platform.platform;
    expect((await update(team, { enabled: false }, platform.tokens.owner)).code).toBe("OK");
    let joined: ReturnType<typeof update> | undefined;
    await db.transaction(async (tx) => {
      await tx.update(principals).set({ enabled: true }).where(eq(principals.id, team));
      joined = update(team, { addMembers: [bot] }, platform.tokens.editor);
      await waitsOrEnds(platform, joined);
    });
    expect(["PermissionDenied", "FailedPrecondition"]).toContain((await joined)?.code);
    expect(await db.$count(teamMembers, eq(teamMembers.team, team))).toBe(0);
  });

  it("whoever leaves the tenant does not stay in a team", async () => {
    const [user, team] = [await people.user(), await people.team()];
    await people.setRole(user.login, "viewer");
    const { db } = platform.platform;
    let joined: Promise<string> | undefined;
    await db.transaction(async (tx) => {
      await leaveTenant(tx, { tenant: platform.tenant, member: user.login });
      joined = update(team, { addMembers: [user.login] }, platform.tokens.owner).then(({ code }) => code);
      await waitsOrEnds(platform, joined);
    });
    expect(await joined).toBe("NotFound");
    expect(await db.$count(teamMembers, eq(teamMembers.team, team))).toBe(0);
  });

  it("one gives a team a role while another lets somebody in, without a deadlock", async () => {
    const access = platform.client(AccessService);
    for (let round = 0; round < 5; round += 1) {
      const [bot, team] = [await people.bot(), await people.team()];
      const bind = access.setRoleBinding(
        { login: platform.tenant, holder: { case: "principal", value: team }, role: "owner" },
        as(platform.tokens.owner),
      );
      const codes = await Promise.all([
        codeOf(bind),
        update(team, { addMembers: [bot] }, platform.tokens.owner).then(({ code }) => code),
      ]);
      expect(codes).toEqual(["OK", "OK"]);
    }
  });
});
