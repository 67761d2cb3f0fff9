import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CredentialKind } from "../../../../gen/ts/iam/v1/credential_pb.js";
import { leaveTenant } from "../../../../src/resources/api/member/leave.js";
import { directoryStore } from "../../../../src/resources/iam/principal/directory-store.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { waitsOrEnds } from "../../support/waiting.js";
import { fresh, peopleOf } from "./people.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false, env: { SLIPWAY_MAX_FEED_SILENCE_SECONDS: "300" } });
  people = peopleOf(platform);
  // From now on nobody tells the server that what it knows of its callers has changed.
  await platform.platform.feed.close();
});
afterAll(() => platform.close());

const create = (token: string, principal: string) =>
  people.credentials.create(
    { login: platform.tenant, principal, kind: CredentialKind.API_KEY, name: fresh("k") },
    as(token),
  );

describe("a credential", () => {
  it("is not made, renewed or enabled by an owner who was removed, of whom a server has not heard yet", async () => {
    const [mallory, bot] = [await people.user("mallory"), await people.bot()];
    await people.setRole(mallory.login, "owner");
    const { credential } = await create(mallory.token, bot);
    await leaveTenant(platform.platform.db, { tenant: platform.tenant, member: mallory.login });
    const named = { login: platform.tenant, uuid: credential?.uuid ?? "" };
    const attempts = [
      create(mallory.token, bot),
      people.credentials.rotate(named, as(mallory.token)),
      people.credentials.update({ ...named, enabled: true }, as(mallory.token)),
    ];
    const codes = await Promise.all(attempts.map(codeOf));
    expect(codes).toEqual(attempts.map(() => "PermissionDenied"));
  });

  it.skipIf(postgresUrl === undefined)(`of who is deleted at this moment is not made (${needsPostgres})`, async () => {
    const bot = await people.bot();
    let made: ReturnType<typeof refusal> | undefined;
    await platform.platform.db.transaction(async (tx) => {
      await directoryStore.remove(tx, bot);
      made = refusal(create(platform.tokens.owner, bot));
      await waitsOrEnds(platform, made);
    });
    expect((await made)?.code).toBe("NotFound");
  });
});
