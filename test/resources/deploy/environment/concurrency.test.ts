import { eq } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SecretService, SecretType } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { goodInvitations } from "../../../../src/resources/iam/access/good-invitations.js";
import { acceptPendingBindings } from "../../../../src/resources/iam/access/pending.js";
import { roleBindings } from "../../../../src/resources/iam/access/table.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { holdersOf } from "../../iam/access/holders.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { environmentsOf, newName } from "./environments.js";

let platform: TestPlatform;
let tenant: TestTenant;
let envs: ReturnType<typeof environmentsOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
beforeEach(async () => {
  tenant = await platform.newTenant();
  envs = environmentsOf(platform, tenant);
});
afterAll(() => platform.close());

it("a project never has more than 100 environments, whoever makes them at once", async () => {
  await envs.fill(97);
  const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(envs.create())));
  expect(codes.toSorted()).toEqual([...Array(3).fill("OK"), ...Array(5).fill("ResourceExhausted")]);
  expect(await envs.names()).toHaveLength(100);
  expect(await refusal(envs.create())).toMatchObject({
    message: "the project has 100 environments already: delete some",
  });
  const [last] = (await envs.client.list({ project: tenant.project }, envs.owner)).environments;
  await envs.delete(last?.uuid ?? "");
  await envs.create();
  await environmentsOf(platform, await platform.newTenant()).create();
});

it("of the changes from one version one comes through", async () => {
  const { uuid } = await envs.create();
  const change = () => codeOf(envs.update(uuid, { description: newName(), expectedVersion: 1n }));
  const codes = await Promise.all(Array.from({ length: 6 }, change));
  expect(codes.toSorted()).toEqual([...Array(5).fill("Aborted"), "OK"]);
  expect((await envs.get(uuid))?.version).toBe(2n);
});

describe.skipIf(postgresUrl === undefined)(`on PostgreSQL (${needsPostgres})`, () => {
  it("at most one is the default after any changes at once, and versions count the changes", async () => {
    type Change = { readonly of: number; readonly isDefault: boolean };
    const change: fc.Arbitrary<Change> = fc.record({ of: fc.nat(2), isDefault: fc.boolean() });
    const rounds = fc.array(fc.array(change, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(rounds, async (given) => {
        const own = environmentsOf(platform, await platform.newTenant());
        const made = [await own.create({ isDefault: true }), await own.create(), await own.create()];
        for (const changes of given) {
          await Promise.all(changes.map(({ of, isDefault }) => own.update(made[of]?.uuid ?? "", { isDefault })));
          const after = await Promise.all(made.map(({ uuid }) => own.get(uuid)));
          expect(after.filter((each) => each?.isDefault).length).toBeLessThanOrEqual(1);
          if (changes.every(({ isDefault }) => isDefault)) expect(after.some((each) => each?.isDefault)).toBe(true);
        }
        const calls = given.flat();
        for (const [i, { uuid }] of made.entries()) {
          const changed = 1 + calls.filter(({ of }) => of === i).length;
          expect(Number((await own.get(uuid))?.version)).toBeGreaterThanOrEqual(changed);
        }
      }),
      { numRuns: 15 },
    );
  });

  it("a deletion and a new secret at once: one of the two", async () => {
    for (let round = 0; round < 8; round += 1) {
      const { uuid } = await envs.create();
      const order = { project: tenant.project, environment: uuid, name: newName("s"), type: SecretType.OPAQUE };
      const data = { values: { a: new Uint8Array(1) } };
      const codes = await Promise.all([
        codeOf(envs.delete(uuid)),
        codeOf(platform.client(SecretService).create({ ...order, data }, envs.owner)),
      ]);
      expect([
        ["OK", "NotFound"],
        ["FailedPrecondition", "OK"],
      ]).toContainEqual(codes);
    }
  });

  it("a deletion leaves no role in it, whoever gives or accepts one meanwhile", async () => {
    const { db, clock, newId } = platform.platform;
    const holders = holdersOf(platform);
    for (let round = 0; round < 8; round += 1) {
      const { uuid } = await envs.create();
      const place = { project: tenant.project, environment: uuid, role: "viewer" };
      const [bot, user] = [await holders.bot(tenant), await holders.user()];
      const email = `${user}@example.org`;
      await holders.access.setRoleBinding({ ...place, holder: { case: "email", value: email } }, envs.owner);
      const good = await goodInvitations(db, platform.platform, email);
      expect(good).toHaveLength(1);
      const [deleted, given] = await Promise.all([
        codeOf(envs.delete(uuid)),
        codeOf(holders.access.setRoleBinding({ ...place, holder: { case: "principal", value: bot } }, envs.owner)),
        db.transaction((tx) => acceptPendingBindings(tx, { principal: user, email, good, now: clock(), newId })),
      ]);
      expect(deleted).toBe("OK");
      expect(["OK", "NotFound"]).toContain(given);
      expect(await db.select().from(roleBindings).where(eq(roleBindings.subject, uuid))).toEqual([]);
    }
  });
});
