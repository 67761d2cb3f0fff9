import { timestampMs } from "@bufbuild/protobuf/wkt";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PrincipalService } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { digestOf, uuidOfSecret } from "../../../../src/auth/secrets.js";
import { passwordResets } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { peopleOf } from "../credential/people.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false, env: { SLIPWAY_PASSWORD_SIGN_IN: "on" } });
  people = peopleOf(platform);
});
afterAll(() => platform.close());

const reset = (id: string, token = platform.adminToken) => people.principals.createPasswordReset({ id }, as(token));
const stored = (id: string) =>
  platform.platform.db.select().from(passwordResets).where(eq(passwordResets.principal, id));

it("a user gets a code for a day, of which only the digest is kept, and the next one ends it", async () => {
  const { login } = await people.user();
  for (let round = 0; round < 2; round += 1) {
    const before = Date.now();
    const { resetCode, expiresAt } = await reset(login);
    expect(uuidOfSecret("passwordReset", resetCode)).toBeDefined();
    if (expiresAt === undefined) throw new Error("it has no end");
    const lasts = timestampMs(expiresAt) - before;
    expect(lasts).toBeGreaterThanOrEqual(86_400_000);
    expect(await stored(login)).toEqual([
      { digest: digestOf(resetCode), principal: login, createdBy: "root", expiresAt: new Date(timestampMs(expiresAt)) },
    ]);
  }
});

it("is for users only, and made by operators", async () => {
  const { login, token } = await people.user();
  expect(await codeOf(reset("nobody"))).toBe("NotFound");
  expect(await codeOf(reset(await people.bot()))).toBe("FailedPrecondition");
  expect(await codeOf(reset(login, token))).toBe("PermissionDenied");
  expect(await stored(login)).toEqual([]);
});

it("is refused where nobody signs in by password", async () => {
  const closed = await startPlatform({ background: false });
  try {
    const call = closed.client(PrincipalService).createPasswordReset({ id: closed.tenant }, as(closed.adminToken));
    expect(await codeOf(call)).toBe("FailedPrecondition");
  } finally {
    await closed.close();
  }
});
