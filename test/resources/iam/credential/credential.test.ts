import { timestampMs } from "@bufbuild/protobuf/wkt";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CredentialKind } from "../../../../gen/ts/iam/v1/credential_pb.js";
import { digestOf } from "../../../../src/auth/secrets.js";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { credentials } from "../../../../src/resources/iam/credential/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { fresh, peopleOf } from "./people.js";
import { ed25519, newSshKey } from "./ssh-keys.js";

let platform: TestPlatform;
let other: TestTenant;
let people: ReturnType<typeof peopleOf>;
let bot: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  people = peopleOf(platform);
  bot = await people.bot("viewer");
});
afterAll(() => platform.close());

const { API_KEY, CLIENT_SECRET, SSH_PUBLIC_KEY } = CredentialKind;
const owner = () => as(platform.tokens.owner);
const create = (asked: Parameters<ReturnType<typeof peopleOf>["credentials"]["create"]>[0], options = owner()) =>
  people.credentials.create({ login: platform.tenant, name: fresh("c"), ...asked }, options);
const named = (uuid = "") => ({ login: platform.tenant, uuid });

describe("an API key", () => {
  it("of oneself shows its secret once, with an end when one is asked for [platz.createUserToken] [pds.create-user-api-key]", async () => {
    const before = Date.now();
    const { credential, secret } = await create({ kind: API_KEY, name: "laptop", expires: { seconds: 86_400n } });
    expect(credential).toMatchObject({
      principal: platform.tenant,
      createdBy: platform.tenant,
      kind: API_KEY,
      name: "laptop",
      enabled: true,
    });
    expect(credential?.lastUsedAt).toBeUndefined();
    expect(secret).toMatch(/^slipk_[0-9a-f]{32}_[\w-]{43}$/);
    if (credential?.expiresAt === undefined) throw new Error("it has no end");
    expect(timestampMs(credential.expiresAt)).toBeGreaterThanOrEqual(before + 86_400_000);
    expect(await people.tries(secret)).toBe("OK");
    const [row] = await platform.platform.db.select().from(credentials).where(eq(credentials.id, credential.uuid));
    expect(row?.digest).toBe(digestOf(secret));
    expect(JSON.stringify(row)).not.toContain(secret.slice(-43));
  });

  it("of a bot or a team is made for it by an owner of its tenant [platz.createBotToken] [tsuru.token-create]", async () => {
    const team = await people.team([], "viewer");
    for (const principal of [bot, team]) {
      const { credential, secret } = await create({ kind: API_KEY, principal, expires: { seconds: 600n } });
      expect(credential).toMatchObject({ principal, createdBy: platform.tenant });
      expect(await people.tries(secret)).toBe("OK");
    }
  });

  it("is shown without its secret [platz.getUserToken] [platz.getBotToken] [tsuru.api-key-show] [tsuru.token-info] [pds.get-user-api-key]", async () => {
    const team = await people.team();
    for (const principal of ["", bot, team]) {
      const { credential, secret } = await create({ kind: API_KEY, principal });
      const shown = await people.credentials.get(named(credential?.uuid), owner());
      expect(shown.credential).toEqual(credential);
      expect(JSON.stringify(shown, (_, v) => (typeof v === "bigint" ? `${v}` : v))).not.toContain(secret.slice(-43));
    }
  });

  it("is renamed, disabled and enabled [pds.patch-user-api-key]", async () => {
    const { credential, secret } = await create({ kind: API_KEY });
    const update = (change: object) => people.credentials.update({ ...named(credential?.uuid), ...change }, owner());
    const name = fresh("renamed");
    expect((await update({ name })).credential).toEqual({ ...credential, name });
    expect((await update({ enabled: false })).credential).toMatchObject({ name, enabled: false });
    await expect.poll(() => people.tries(secret)).toBe("Unauthenticated");
    expect((await update({})).credential).toMatchObject({ name, enabled: false });
    expect((await update({ enabled: true })).credential).toMatchObject({ name, enabled: true });
    await expect.poll(() => people.tries(secret)).toBe("OK");
  });

  it("of a team gets another secret and another end [tsuru.token-update]", async () => {
    const { uuid, secret } = await people.apiKey(await people.team([], "viewer"));
    const { credential } = await people.credentials.update({ ...named(uuid), expires: { seconds: 600n } }, owner());
    if (credential?.expiresAt === undefined) throw new Error("it has no end");
    expect(timestampMs(credential.expiresAt) - Date.now()).toBeGreaterThan(500_000);
    const rotated = await people.credentials.rotate(named(uuid), owner());
    expect(rotated.credential).toMatchObject({ uuid, expiresAt: credential.expiresAt });
    expect(await people.tries(rotated.secret)).toBe("OK");
    await expect.poll(() => people.tries(secret)).toBe("Unauthenticated");
  });

  it("gets a new secret in place of the old one [tsuru.api-key-regenerate]", async () => {
    const { credential, secret } = await create({ kind: API_KEY });
    const rotated = await people.credentials.rotate(named(credential?.uuid), owner());
    expect(rotated.secret).not.toBe(secret);
    expect(rotated.credential?.rotatedAt).not.toEqual(credential?.rotatedAt);
    expect(await people.tries(rotated.secret)).toBe("OK");
    await expect.poll(() => people.tries(secret)).toBe("Unauthenticated");
  });

  it("goes only once it is disabled [platz.deleteUserToken] [platz.deleteBotToken] [tsuru.token-delete] [pds.delete-user-api-key]", async () => {
    const team = await people.team();
    for (const principal of [platform.tenant, bot, team]) {
      const { uuid, secret } = await people.apiKey(principal);
      const remove = () => people.credentials.delete(named(uuid), owner());
      expect(await refusal(remove())).toMatchObject({
        code: "FailedPrecondition",
        message: expect.stringMatching("disable it first"),
      });
      await people.credentials.update({ ...named(uuid), enabled: false }, owner());
      expect((await remove()).credential).toMatchObject({ uuid, principal });
      expect(await codeOf(remove())).toBe("NotFound");
      expect(await people.tries(secret)).toBe("Unauthenticated");
    }
  });

  it("goes, too, once it has expired", async () => {
    const { uuid } = await people.apiKey(bot);
    const past = { expiresAt: new Date(Date.now() - 1_000) };
    await platform.platform.db.update(credentials).set(past).where(eq(credentials.id, uuid));
    expect(await codeOf(people.credentials.delete(named(uuid), owner()))).toBe("OK");
  });

  it.each([599n, 63_072_001n, -1n])("may not last %s s", async (seconds) => {
    expect(await refusal(create({ kind: API_KEY, expires: { seconds } }))).toMatchObject({
      code: "InvalidArgument",
      fields: ["expires"],
    });
  });
});

describe("a client secret", () => {
  it("is for bots, and gets a new secret [pds.regenerate-service-identity] [pds.get-service-account-token]", async () => {
    const { credential, secret } = await create({ kind: CLIENT_SECRET, principal: bot });
    expect(secret).toMatch(/^slips_/);
    const rotated = await people.credentials.rotate(named(credential?.uuid), owner());
    expect(rotated.secret).toMatch(/^slips_/);
    expect(rotated.secret).not.toBe(secret);
    const [row] = await platform.platform.db
      .select()
      .from(credentials)
      .where(eq(credentials.id, credential?.uuid ?? ""));
    expect(row).toMatchObject({ digest: digestOf(rotated.secret), previousDigest: null, previousUntil: null });
  });

  it("is no API key, and not for users and teams", async () => {
    const { secret } = await create({ kind: CLIENT_SECRET, principal: bot });
    expect(await people.tries(secret)).toBe("Unauthenticated");
    expect(await people.tries(secret.replace("slips", "slipk"))).toBe("Unauthenticated");
    expect(await codeOf(create({ kind: CLIENT_SECRET }))).toBe("FailedPrecondition");
    expect(await codeOf(create({ kind: CLIENT_SECRET, principal: await people.team() }))).toBe("FailedPrecondition");
  });
});

describe("an SSH public key", () => {
  it("is added without a secret, listed and removed at once [tsuru.key-add] [tsuru.key-list] [tsuru.key-remove] [deis.keys-add] [deis.keys-list] [deis.keys-remove]", async () => {
    const publicKey = newSshKey("me@example.org");
    const { credential, secret } = await create({ kind: SSH_PUBLIC_KEY, name: "ssh", publicKey: ` ${publicKey}\n` });
    expect(secret).toBe("");
    expect(credential).toMatchObject({
      kind: SSH_PUBLIC_KEY,
      publicKey,
      fingerprint: expect.stringMatching(/^SHA256:[\w+/]{43}$/),
    });
    const list = () => people.credentials.list({ login: platform.tenant, kind: SSH_PUBLIC_KEY }, owner());
    expect((await list()).credentials).toEqual([credential]);
    expect(await codeOf(people.credentials.rotate(named(credential?.uuid), owner()))).toBe("FailedPrecondition");
    expect((await people.credentials.delete(named(credential?.uuid), owner())).credential).toEqual(credential);
    expect((await list()).credentials).toEqual([]);
  });

  it("belongs to one principal of all, without a word whose it is", async () => {
    await create({ kind: SSH_PUBLIC_KEY, principal: bot, publicKey: ed25519 });
    const again = people.credentials.create(
      { login: other.tenant, kind: SSH_PUBLIC_KEY, name: "mine", publicKey: `${ed25519}x` },
      as(other.tokens.owner),
    );
    const { code, message } = await refusal(again);
    expect(code).toBe("AlreadyExists");
    for (const word of [bot, platform.tenant]) expect(message).not.toContain(word);
  });

  it("that is a private one by mistake is kept nowhere", async () => {
    const secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";
    const publicKey = `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}\n-----END OPENSSH PRIVATE KEY-----`;
    const name = fresh("mistake");
    expect(await refusal(create({ kind: SSH_PUBLIC_KEY, name, publicKey }))).toMatchObject({
      code: "InvalidArgument",
      fields: ["public_key"],
      message: expect.not.stringContaining(secret),
    });
    const records = async () => (await platform.platform.db.select().from(auditEntries)).map(({ body }) => body ?? "");
    await expect.poll(async () => (await records()).some((body) => body.includes(name))).toBe(true);
    expect((await records()).filter((body) => body.includes(secret))).toEqual([]);
    expect(platform.lines.filter((line) => JSON.stringify(line).includes(secret))).toEqual([]);
  });
});

describe("the list", () => {
  it("has one's own and those of all bots and teams, the newest first [platz.allUserTokens] [platz.allBotTokens] [tsuru.token-list] [pds.list-user-api-keys]", async () => {
    const tenant = await platform.newTenant();
    const token = as(tenant.tokens.owner);
    const made: string[] = [];
    const { principals } = people;
    const robot = (await principals.create({ login: tenant.tenant, kind: 2, name: "robot" }, token)).principal?.id;
    const team = (await principals.create({ login: tenant.tenant, kind: 3, name: "team" }, token)).principal?.id;
    for (const principal of ["", robot, team, robot]) {
      const asked = { login: tenant.tenant, principal: principal ?? "", kind: API_KEY, name: fresh("c") };
      made.unshift((await people.credentials.create(asked, token)).credential?.uuid ?? "");
    }
    const list = async (filter: object) =>
      (await people.credentials.list({ login: tenant.tenant, ...filter }, token)).credentials.map(({ uuid }) => uuid);
    expect(await list({})).toEqual(made);
    expect(await list({ principal: robot })).toEqual([made[0], made[2]]);
    expect(await list({ principal: team })).toEqual([made[1]]);
    expect(await list({ principal: tenant.tenant })).toEqual([made[3]]);
    expect(await list({ kind: SSH_PUBLIC_KEY })).toEqual([]);
    expect(await codeOf(list({ principal: bot }))).toBe("NotFound");
  });
});

describe("limits", () => {
  it("names are unique for the principal, and only there", async () => {
    const second = await people.bot();
    const mine = await create({ kind: API_KEY, principal: bot, name: "deploy" });
    expect(await codeOf(create({ kind: CLIENT_SECRET, principal: bot, name: "deploy" }))).toBe("AlreadyExists");
    expect(await codeOf(create({ kind: API_KEY, principal: second, name: "deploy" }))).toBe("OK");
    const third = await create({ kind: API_KEY, principal: bot });
    const rename = people.credentials.update({ ...named(third.credential?.uuid), name: "deploy" }, owner());
    expect(await codeOf(rename)).toBe("AlreadyExists");
    expect(mine.credential?.name).toBe("deploy");
  });

  it("a principal has a hundred credentials at most, also when they come at once", async () => {
    const full = await people.bot();
    const now = new Date();
    const rows = Array.from({ length: 97 }, () => ({
      id: platform.platform.newId(),
      principal: full,
      kind: "api_key" as const,
      name: fresh("many"),
      digest: "x",
      createdBy: full,
      createdAt: now,
      rotatedAt: now,
    }));
    await platform.platform.db.insert(credentials).values(rows);
    const codes = await Promise.all(
      Array.from({ length: 6 }, () => codeOf(create({ kind: API_KEY, principal: full }))),
    );
    expect(codes.sort()).toEqual(["OK", "OK", "OK", "ResourceExhausted", "ResourceExhausted", "ResourceExhausted"]);
    const list = await people.credentials.list({ login: platform.tenant, principal: full }, owner());
    expect(list.credentials).toHaveLength(100);
    expect(await codeOf(create({ kind: API_KEY, principal: bot }))).toBe("OK");
  });
});
