import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import { AuthService } from "../../../../gen/ts/iam/v1/auth_pb.js";
import { PrincipalKind } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { digestOf, newSecret } from "../../../../src/auth/secrets.js";
import { credentials } from "../../../../src/resources/iam/credential/table.js";
import { principals } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";

let site: TestPlatform;
beforeAll(async () => {
  site = await startPlatform({ background: false });
});
afterAll(() => site.close());

const query = async (text: string, values: unknown[] = []) =>
  (await site.database.server.pool.query(text, values)).rows;
const bySecret = (clientId: string, clientSecret: string) =>
  site.client(AuthService).exchangeToken({ grant: { case: "clientCredentials", value: { clientId, clientSecret } } });
const secondsUntil = (at: { seconds: bigint } | undefined): number => Number(at?.seconds ?? 0n) - Date.now() / 1_000;

describe("ExchangeToken with a client secret", () => {
  async function newBot(given: Partial<typeof credentials.$inferInsert> = {}) {
    const { db, newId, clock } = site.platform;
    const [id, bot, now] = [newId(), newId(), clock()];
    const { secret, digest } = newSecret("clientSecret", id);
    const { tenant } = site;
    await db.insert(principals).values({ id: bot, kind: "bot", tenant, name: bot, createdAt: now, updatedAt: now });
    const row = { id, principal: bot, kind: "client_secret", name: "ci", digest, rotatedAt: now } as const;
    await db.insert(credentials).values({ ...row, createdBy: tenant, createdAt: now, ...given });
    return { bot, secret, id };
  }
  const later = (seconds: number): Date => new Date(Date.now() + seconds * 1_000);

  it("gives a bot a token without a session [pds.generate-service-identity-token]", async () => {
    const { bot, secret } = await newBot();
    const answer = await bySecret(bot, secret);
    expect(answer).toMatchObject({
      refreshToken: "",
      principal: { id: bot, kind: PrincipalKind.BOT, login: site.tenant },
    });
    expect(answer.sessionExpiresAt).toBe(undefined);
    expect(await site.client(AuthService).whoAmI({}, as(answer.accessToken))).toMatchObject({
      tokenType: TokenType.CONSOLE,
    });
  });

  it("refuses a secret that is wrong, disabled, expired, or of somebody or something else", async () => {
    const { bot, secret, id } = await newBot();
    const other = await newBot();
    const key = await newBot({ kind: "api_key" });
    const expired = await newBot({ expiresAt: later(-1) });
    const disabled = await newBot({ enabled: false });
    const wrong: [string, string][] = [
      [bot, "nonsense"],
      [bot, newSecret("clientSecret", id).secret],
      [bot, other.secret],
      [other.bot, secret],
      [key.bot, key.secret],
      [expired.bot, expired.secret],
      [disabled.bot, disabled.secret],
    ];
    const refusals = await Promise.all(wrong.map((pair) => refusal(bySecret(...pair))));
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(["Unauthenticated"]));
    expect(new Set(refusals.map(({ message }) => message)).size).toBe(1);
    await query("update principals set enabled = false where id = $1", [bot]);
    expect(await codeOf(bySecret(bot, secret))).toBe("Unauthenticated");
  });

  it("takes the secret before the last rotation while that holds; no token outlives its secret", async () => {
    const old = newSecret("clientSecret", "00000000-0000-7000-8000-000000000001");
    const { bot, id } = await newBot();
    const previous = old.secret.replace(/_[0-9a-f]{32}_/, `_${id.replaceAll("-", "")}_`);
    const rotate = (until: Date) =>
      query("update credentials set previous_digest = $1, previous_until = $2 where id = $3", [
        digestOf(previous),
        until,
        id,
      ]);
    await rotate(later(120));
    expect(secondsUntil((await bySecret(bot, previous)).expiresAt)).toBeLessThanOrEqual(120);
    await rotate(later(-1));
    expect(await codeOf(bySecret(bot, previous))).toBe("Unauthenticated");
  });
});
