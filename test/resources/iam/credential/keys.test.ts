import { Code, ConnectError } from "@connectrpc/connect";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { AdminRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { credentials } from "../../../../src/resources/iam/credential/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";
import { codeOf } from "../../support/refusals.js";
import { type Key, peopleOf } from "./people.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  await platform.client(ClusterService).create({ project: platform.project, name: newName() }, owner());
});
afterAll(() => platform.close());

const owner = () => as(platform.tokens.owner);
const named = (uuid: string) => ({ login: platform.tenant, uuid });
const update = (uuid: string, change: { enabled?: boolean; expires?: { seconds: bigint } }) =>
  people.credentials.update({ ...named(uuid), ...change }, owner());
const rotate = (uuid: string, seconds?: bigint) =>
  people.credentials.rotate({ ...named(uuid), ...(seconds === undefined ? {} : { overlap: { seconds } }) }, owner());
const change = (uuid: string, set: Partial<typeof credentials.$inferInsert>) =>
  platform.platform.db.update(credentials).set(set).where(eq(credentials.id, uuid));
const past = () => new Date(Date.now() - 1_000);
const works = ({ secret }: Pick<Key, "secret">) => expect.poll(() => people.tries(secret)).toBe("OK");
const fails = ({ secret }: Pick<Key, "secret">) => expect.poll(() => people.tries(secret)).toBe("Unauthenticated");

/** A watch of the project's clusters, and how it ends; open once the first state has come. */
async function watch(secret: string) {
  const answers = platform.client(ClusterService).watchStatus({ project: platform.project }, as(secret));
  const each = answers[Symbol.asyncIterator]();
  expect((await each.next()).done).toBe(false);
  const ended = (async () => {
    while (!(await each.next()).done);
    return undefined;
  })().catch(ConnectError.from);
  return { ended };
}

describe("an API key", () => {
  let bot: string;
  let key: Key;
  beforeAll(async () => {
    bot = await people.bot("viewer");
    key = await people.apiKey(bot);
  });

  it("holds while it is enabled", async () => {
    await works(key);
    await update(key.uuid, { enabled: false });
    await fails(key);
    await update(key.uuid, { enabled: true });
    await works(key);
  });

  it("holds until it expires, and again when it lasts longer", async () => {
    await change(key.uuid, { expiresAt: past() });
    await fails(key);
    await update(key.uuid, { expires: { seconds: 600n } });
    await works(key);
  });

  it("ends with its rotation, or when the overlap is over", async () => {
    const once = { uuid: key.uuid, secret: (await rotate(key.uuid)).secret };
    await fails(key);
    await works(once);
    const twice = { uuid: key.uuid, secret: (await rotate(key.uuid, 3_600n)).secret };
    await works(once);
    await works(twice);
    await fails(key);
    await change(key.uuid, { previousUntil: past() });
    await fails(once);
    await works(twice);
    const thrice = { uuid: key.uuid, secret: (await rotate(key.uuid, 0n)).secret };
    await fails(twice);
    await works(thrice);
    key = thrice;
  });

  it("ends when it is disabled, although the secret before the rotation would still hold", async () => {
    const rotated = { uuid: key.uuid, secret: (await rotate(key.uuid, 3_600n)).secret };
    await update(key.uuid, { enabled: false });
    await fails(rotated);
    await fails(key);
    await update(key.uuid, { enabled: true });
    await works(key);
    key = rotated;
  });

  it("does not hold with another secret, another uuid, or shortened", async () => {
    const other = await people.apiKey(bot);
    const [, uuid = ""] = other.secret.split("_");
    const [prefix = "", , random = ""] = key.secret.split(/_/, 3);
    for (const secret of [`${prefix}_${uuid}_${random}`, key.secret.slice(0, -1), `${key.secret}A`]) {
      expect(await people.tries(secret)).toBe("Unauthenticated");
    }
    await works(other);
  });

  it("ends with its deletion, and with that of its principal", async () => {
    const [first, second] = [await people.apiKey(bot), await people.apiKey(bot)];
    const open = await watch(second.secret);
    await works(first);
    await update(first.uuid, { enabled: false });
    await people.credentials.delete(named(first.uuid), owner());
    await fails(first);
    await works(second);
    await people.principals.delete({ login: platform.tenant, id: bot }, owner());
    await fails(second);
    expect(await open.ended).toMatchObject({ code: Code.Unauthenticated });
  });
});

describe("an open watch", () => {
  it("ends when the key's bot is disabled, and the key holds again with the bot", async () => {
    const bot = await people.bot("viewer");
    const key = await people.apiKey(bot);
    const open = await watch(key.secret);
    await people.principals.update({ login: platform.tenant, id: bot, enabled: false }, owner());
    expect(await open.ended).toMatchObject({ code: Code.Unauthenticated });
    await fails(key);
    await people.principals.update({ login: platform.tenant, id: bot, enabled: true }, owner());
    await works(key);
  });

  it("ends when the key is disabled or rotated", async () => {
    const bot = await people.bot("viewer");
    for (const end of [({ uuid }: Key) => update(uuid, { enabled: false }), ({ uuid }: Key) => rotate(uuid)]) {
      const key = await people.apiKey(bot);
      const open = await watch(key.secret);
      await end(key);
      expect(await open.ended).toMatchObject({ code: Code.Unauthenticated });
    }
  });

  it("ends when the team is disabled that gave the right to it", async () => {
    const bot = await people.bot();
    const team = await people.team([bot], "viewer");
    const key = await people.apiKey(bot);
    const open = await watch(key.secret);
    await people.principals.update({ login: platform.tenant, id: team, enabled: false }, owner());
    expect(await open.ended).toMatchObject({ code: Code.PermissionDenied });
    await expect.poll(() => people.tries(key.secret)).toBe("PermissionDenied");
    await people.principals.update({ login: platform.tenant, id: team, enabled: true }, owner());
    await works(key);
    const again = await watch(key.secret);
    await people.principals.update({ login: platform.tenant, id: team, removeMembers: [bot] }, owner());
    expect(await again.ended).toMatchObject({ code: Code.PermissionDenied });
  });
});

describe("what a key carries", () => {
  it("is all that a bot may do, by itself and by its teams", async () => {
    const bot = await people.bot("viewer");
    const key = await people.apiKey(bot);
    const create = () =>
      codeOf(platform.client(ClusterService).create({ project: platform.project, name: newName() }, as(key.secret)));
    expect(await create()).toBe("PermissionDenied");
    const team = await people.team([bot]);
    await people.setRole(team, "editor");
    await expect.poll(create).toBe("OK");
  });

  it("is what a team may do, for a key of the team", async () => {
    const key = await people.apiKey(await people.team([], "viewer"));
    await works(key);
  });

  it("is never the admin role, not even an operator's", async () => {
    const { principals, credentials: client } = people;
    const { principal } = await principals.create({ kind: 1, name: "operator" }, as(platform.adminToken));
    const id = principal?.id ?? "";
    await principals.update({ id, adminRole: AdminRole.EDITOR }, as(platform.adminToken));
    const token = await people.console(id);
    const { secret } = await client.create({ login: id, kind: 1, name: "mine" }, as(token));
    expect(await codeOf(principals.list({}, as(secret)))).toBe("PermissionDenied");
    expect(await codeOf(principals.list({ login: id }, as(secret)))).toBe("OK");
    expect(await people.tries(secret)).toBe("PermissionDenied");
  });
});
