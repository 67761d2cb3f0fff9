import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IPService } from "../../../../gen/ts/api/v1/ip_pb.js";
import { AddressPoolService } from "../../../../gen/ts/infra/v1/address_pool_pb.js";
import { ipStore } from "../../../../src/resources/api/ip/store.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";

const most = 3;

let platform: TestPlatform;
beforeAll(async () => {
  const env = { SLIPWAY_ADDRESSES_PER_PROJECT: `${most}`, SLIPWAY_ADDRESS_QUARANTINE_SECONDS: "0" };
  platform = await startPlatform({ background: false, env });
  await platform
    .client(AddressPoolService)
    .create({ name: "tests", network: "internet", cidrs: ["10.9.0.0/16"] }, as(platform.adminToken));
});
afterAll(() => platform.close());

describe("the limit of addresses of a project", () => {
  it("is told to those who reach it, and holds for each project alone", async () => {
    const ips = platform.client(IPService);
    const tenant = await platform.newTenant();
    const owner = as(tenant.tokens.owner);
    const allocate = () => ips.allocate({ name: "web", project: tenant.project }, owner);
    const calls = await Promise.allSettled(Array.from({ length: most + 5 }, allocate));
    expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(most);
    expect(await refusal(allocate())).toMatchObject({
      code: "ResourceExhausted",
      message: expect.stringContaining("3 addresses"),
    });
    const { ips: has } = await ips.list({ project: tenant.project }, owner);
    await ips.delete({ project: tenant.project, uuid: has[0]?.uuid ?? "" }, owner);
    await allocate();
    expect((await ips.list({ project: tenant.project }, owner)).ips).toHaveLength(most);
    await ips.allocate({ name: "web", project: platform.project }, as(platform.tokens.owner));
  });

  it("is never passed, and always reached, whoever comes and goes at once", async () => {
    const { db, newId } = platform.platform;
    const allocate = async (project: string, limit: number) => {
      const facts = { name: "n", description: "", type: "ephemeral", tags: [], now: new Date() } as const;
      const got = await ipStore.allocate(db, { id: newId(), project, ...facts, most: limit });
      return typeof got === "string" ? got : "allocated";
    };
    const round = fc.record({ callers: fc.integer({ min: 1, max: 12 }), leaving: fc.nat(4) });
    await fc.assert(
      fc.asyncProperty(fc.nat(5), fc.array(round, { minLength: 1, maxLength: 5 }), async (limit, rounds) => {
        const { project } = await platform.newTenant();
        for (const { callers, leaving } of rounds) {
          const before = await ipStore.list(db, project);
          const going = before.slice(0, leaving);
          const [outcomes] = await Promise.all([
            Promise.all(Array.from({ length: callers }, () => allocate(project, limit))),
            ...going.map(({ id }) => ipStore.release(db, id, new Date(0), new Date())),
          ]);
          const got = outcomes.filter((outcome) => outcome === "allocated").length;
          expect(outcomes.every((outcome) => outcome === "allocated" || outcome === "quota")).toBe(true);
          const has = (await ipStore.list(db, project)).length;
          expect(has).toBe(before.length - going.length + got);
          // Who was refused may have come before those who left, but not before the others were there.
          if (limit === 0) expect(got).toBe(callers);
          else {
            expect(has).toBeLessThanOrEqual(limit);
            expect(got).toBeGreaterThanOrEqual(Math.min(callers, limit - before.length));
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});
