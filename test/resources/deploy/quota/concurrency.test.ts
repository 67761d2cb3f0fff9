import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DomainError } from "../../../../src/errors.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { holdersOf } from "../../iam/access/holders.js";
import { codeOf } from "../../support/refusals.js";
import { quotasOf } from "./quotas.js";

describe.skipIf(postgresUrl === undefined)(`on PostgreSQL (${needsPostgres})`, () => {
  let platform: TestPlatform;
  beforeAll(async () => {
    platform = await startPlatform({ background: false });
  });
  afterAll(() => platform.close());

  /** A tenant with two environments. */
  async function world() {
    const tenant = await platform.newTenant();
    const quotas = quotasOf(platform, tenant);
    const places = [];
    for (let i = 0; i < 2; i += 1) places.push(await quotas.place(await holdersOf(platform).environment(tenant)));
    const [one, two] = places;
    if (one === undefined || two === undefined) throw new Error("there are two");
    return { tenant, quotas, places: [one, two] as const };
  }

  /** What was accepted; quotas refuse, and nothing else does. */
  async function accepted<T>(calls: readonly Promise<T>[]): Promise<T[]> {
    const ends = await Promise.allSettled(calls);
    for (const end of ends) {
      if (end.status === "rejected" && !(end.reason instanceof DomainError && end.reason.kind === "exhausted")) {
        throw end.reason;
      }
    }
    return ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
  }

  const limit = fc.option(fc.nat(12), { nil: -1 });
  const demand = fc.record({ where: fc.constantFrom(0 as const, 1 as const), units: fc.nat(5) });
  const demands = fc.array(demand, { minLength: 2, maxLength: 12 });

  it("no limit is exceeded by changes that come at once, and what fails gives back", async () => {
    const given = fc.record({ limits: fc.tuple(limit, limit, limit), deploy: demands, scale: demands });
    await fc.assert(
      fc.asyncProperty(given, async ({ limits: [ofTenant, ofProject, ofEnvironment], deploy, scale }) => {
        const { tenant, quotas, places } = await world();
        const admin = as(platform.adminToken);
        const both = (most: number) => ({ unitsLimit: BigInt(most), deploymentsLimit: BigInt(most) });
        const environmentUuid = places[0].environment;
        await quotas.set({ tenant: tenant.tenant, ...both(ofTenant) }, admin);
        await quotas.set(both(ofProject));
        await quotas.set({ environmentUuid, ...both(ofEnvironment) });
        const within = async () => {
          for (const named of [{ login: tenant.tenant }, {}, { environment: environmentUuid }]) {
            const quota = await quotas.get("login" in named ? named : { project: tenant.project, ...named });
            if (quota.unitsLimit < 0n) continue;
            expect(quota.unitsInUse).toBeLessThanOrEqual(quota.unitsLimit);
            expect(quota.deploymentsInUse).toBeLessThanOrEqual(quota.deploymentsLimit);
          }
          return (await quotas.get({ login: tenant.tenant })).unitsInUse;
        };
        const made = await accepted(
          deploy.map(async ({ where, units }) => ({ where, id: await quotas.deploy(places[where], units) })),
        );
        const before = await within();
        const tasks = await accepted(
          made.flatMap(({ where, id }, i) => {
            const more = scale[i];
            return more === undefined ? [] : [quotas.scale(places[where], id, more.units)];
          }),
        );
        await within();
        await Promise.all(tasks.map((task) => quotas.end(task, "failed")));
        expect(await within()).toBe(before);
      }),
      { numRuns: 12 },
    );
  });

  it("a limit that is set while changes are accepted is never below what is in use", async () => {
    for (let round = 0; round < 8; round += 1) {
      const { tenant, quotas, places } = await world();
      const deployment = await quotas.deploy(places[0], 1);
      const [set] = await Promise.all([
        codeOf(quotas.set({ unitsLimit: 4n })),
        codeOf(quotas.set({ deploymentUuid: deployment, unitsLimit: 3n })),
        accepted([1, 2, 3].map((units) => quotas.deploy(places[1], units))),
        accepted([2, 3, 4].map((units) => quotas.scale(places[0], deployment, units))),
      ]);
      const quota = await quotas.get({ project: tenant.project });
      if (set === "OK") expect(quota.unitsInUse).toBeLessThanOrEqual(4n);
      else expect([set, quota.unitsLimit]).toEqual(["FailedPrecondition", -1n]);
    }
  });
});
