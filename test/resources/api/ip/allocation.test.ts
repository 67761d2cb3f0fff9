import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type IpRow, ipStore, type NewIp, type NoAddress } from "../../../../src/resources/api/ip/store.js";
import { parseRange } from "../../../../src/resources/infra/address-pool/ranges.js";
import { addressPoolStore } from "../../../../src/resources/infra/address-pool/store.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

let made = 0;

/** Allocates straight at the store. */
function allocateFrom(order: Partial<NewIp>): Promise<IpRow | NoAddress> {
  const { db, newId } = platform.platform;
  const facts = { id: newId(), project: platform.project, name: "n", description: "", type: "ephemeral" } as const;
  return ipStore.allocate(db, { ...facts, tags: [], now: new Date(), most: 0, ...order });
}

/** A pool of one range, and what the test does with it, straight at the store. */
async function newPool(prefix: number) {
  const { db, newId } = platform.platform;
  const network = `network-${made + 1}`;
  const range = parseRange(`10.${(++made >> 8) & 255}.${made & 255}.0/${prefix}`);
  const id = newId();
  const now = new Date();
  await db.transaction(async (tx) => {
    const row = { id, name: `pool-${made}`, network, configured: false, createdAt: now, updatedAt: now };
    await addressPoolStore.insert(tx, row);
    await addressPoolStore.addRanges(tx, id, [range], newId);
  });
  return {
    id,
    network,
    size: Number(range.size),
    async allocate(at: Date) {
      const ip = await allocateFrom({ network, now: at });
      return typeof ip === "string" ? undefined : { id: ip.id, address: ip.address };
    },
    release: (ip: string, until: Date, at: Date) => ipStore.release(db, ip, until, at),
    /** Free, allocated and resting addresses, each once. */
    async all(): Promise<string[]> {
      const { rows } = await db.execute<{ address: string }>(sql`
        select host(first + n) as address
        from free_addresses, lateral generate_series(0, last - first) n where pool = ${id}
        union all select host(address) from ips where pool = ${id}`);
      return rows.map(({ address }) => address);
    },
  };
}

describe("ranges", () => {
  it.each([
    ["192.0.2.0/24", "192.0.2.1", "192.0.2.254", 254n],
    ["192.0.2.4/30", "192.0.2.5", "192.0.2.6", 2n],
    ["192.0.2.4/31", "192.0.2.4", "192.0.2.5", 2n],
    ["192.0.2.4/32", "192.0.2.4", "192.0.2.4", 1n],
    ["10.0.0.0/8", "10.0.0.1", "10.255.255.254", 2n ** 24n - 2n],
    ["2001:db8::/64", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", 2n ** 64n - 1n],
    ["2001:db8::8/127", "2001:db8::8", "2001:db8::9", 2n],
  ])("%s hands out %s to %s", (cidr, first, last, size) => {
    const range = parseRange(cidr);
    expect([range.runs[0]?.first, range.runs.at(-1)?.last, range.size]).toEqual([first, last, size]);
    expect(range.runs.length).toBeLessThanOrEqual(16);
  });

  it.each([
    "",
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0.1/24",
    "::1/64",
    "10.0.0/8/8",
    "a/8",
    "10.0.0.0/-1",
    "2001:db8::/129",
  ])("%s is refused", (cidr) => {
    expect(() => parseRange(cidr)).toThrow(/CIDR|host bits/);
  });
});

describe("allocation", () => {
  it("hands out every address of a pool once to callers who come at once, and then none", async () => {
    const pool = await newPool(25);
    const now = new Date();
    const got = await Promise.all(Array.from({ length: pool.size + 20 }, () => pool.allocate(now)));
    const addresses = got.flatMap((ip) => (ip === undefined ? [] : [ip.address]));
    expect(new Set(addresses).size).toBe(pool.size);
    expect(addresses).toHaveLength(pool.size);
    expect(await pool.allocate(now)).toBeUndefined();
  });

  it("passes from pool to pool by name, and tells none that fits from none that is left", async () => {
    const pool = await newPool(31);
    expect(await allocateFrom({ network: "nowhere" })).toBe("unfit");
    expect(await allocateFrom({ network: pool.network, family: 6 })).toBe("unfit");
    expect(await allocateFrom({ network: pool.network, family: 4, partition: "any" })).toMatchObject({ pool: pool.id });
    await platform.platform.db.execute(sql`update address_pools set partition = 'here' where id = ${pool.id}`);
    expect(await allocateFrom({ network: pool.network, partition: "elsewhere" })).toBe("unfit");
    expect(await allocateFrom({ network: pool.network, partition: "here" })).toMatchObject({ network: pool.network });
    expect(await allocateFrom({ network: pool.network })).toBe("exhausted");
  });

  it("answers what a later read finds", async () => {
    const pool = await newPool(30);
    const got = await allocateFrom({ network: pool.network, tags: ['a "b"', "c,d\\", "{}", "null"], description: "é" });
    if (typeof got === "string") throw new Error(got);
    expect(await ipStore.get(platform.platform.db, platform.project, got.id)).toEqual(got);
  });

  it("neither doubles nor loses an address, whatever callers do at once", async () => {
    const action = fc.record({
      do: fc.constantFrom("allocate", "release"),
      pick: fc.nat(1000),
      restsMs: fc.constantFrom(0, 60_000),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(action, { minLength: 1, maxLength: 12 }), { maxLength: 12 }),
        async (rounds) => {
          const pool = await newPool(28);
          const universe = (await pool.all()).sort();
          let now = new Date("2026-01-01T00:00:00Z");
          let held: { id: string; address: string }[] = [];
          const rests = new Map<string, number>();
          for (const round of rounds) {
            now = new Date(now.getTime() + 1_000);
            const at = now;
            const leaving = new Set<string>();
            const results = await Promise.all(
              round.map(async ({ do: what, pick, restsMs }) => {
                if (what === "allocate") return await pool.allocate(at);
                const ip = held[pick % Math.max(1, held.length)];
                if (ip === undefined || leaving.has(ip.id)) return undefined;
                leaving.add(ip.id);
                await pool.release(ip.id, new Date(at.getTime() + restsMs), at);
                rests.set(ip.address, at.getTime() + restsMs);
                return undefined;
              }),
            );
            const got = results.flatMap((ip) => (ip === undefined ? [] : [ip]));
            for (const { address } of got) {
              expect(held.some((ip) => ip.address === address && !leaving.has(ip.id))).toBe(false);
              expect(rests.get(address) ?? 0).toBeLessThanOrEqual(at.getTime());
            }
            held = [...held.filter(({ id }) => !leaving.has(id)), ...got];
            expect(new Set(held.map(({ address }) => address)).size).toBe(held.length);
            expect((await pool.all()).sort()).toEqual(universe);
          }
        },
      ),
      // What is raced cannot be made smaller: the first failure is the one to read.
      { numRuns: 25, endOnFailure: true },
    );
  });
});
