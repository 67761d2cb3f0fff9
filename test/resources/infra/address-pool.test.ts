import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IPService } from "../../../gen/ts/api/v1/ip_pb.js";
import { AddressPoolService } from "../../../gen/ts/infra/v1/address_pool_pb.js";
import { syncPools } from "../../../src/resources/infra/address-pool/background.js";
import { parseAddressPools } from "../../../src/resources/infra/address-pool/configured-pools.js";
import { as, startPlatform, type TestPlatform } from "../../support/platform.js";
import { codeOf, refusal } from "../support/refusals.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const pools = () => platform.client(AddressPoolService);
const admin = () => as(platform.adminToken);
const create = async (name: string, cidrs: string[], init: { partition?: string } = {}) => {
  const { pool } = await pools().create({ name, network: "internet", cidrs, ...init }, admin());
  if (pool === undefined) throw new Error("the answer has no pool");
  return pool;
};
const allocate = (tags: string[] = []) =>
  platform.client(IPService).allocate({ name: "web", project: platform.project, tags }, as(platform.tokens.owner));

describe("address pools", () => {
  it("say how full they are", async () => {
    const pool = await create("small", ["192.0.2.0/30"]);
    expect(pool).toMatchObject({ name: "small", cidrs: ["192.0.2.0/30"], size: 2n, allocated: 0n, enabled: true });
    const { ip } = await allocate();
    await allocate();
    expect(await refusal(allocate())).toMatchObject({ code: "ResourceExhausted" });
    await platform
      .client(IPService)
      .delete({ project: platform.project, uuid: ip?.uuid ?? "" }, as(platform.tokens.owner));
    expect((await pools().get({ uuid: pool.uuid }, admin())).pool).toMatchObject({ allocated: 1n, quarantined: 1n });
    expect(await refusal(pools().delete({ uuid: pool.uuid }, admin()))).toMatchObject({ code: "FailedPrecondition" });
    const grown = await pools().update({ uuid: pool.uuid, addCidrs: ["192.0.2.4/30"] }, admin());
    expect(grown.pool).toMatchObject({ cidrs: ["192.0.2.0/30", "192.0.2.4/30"], size: 4n });
    expect((await allocate()).ip?.ip).toMatch(/^192\.0\.2\.[56]$/);
    await pools().update({ uuid: pool.uuid, enabled: false, description: "closed" }, admin());
    expect(await refusal(allocate())).toMatchObject({ code: "FailedPrecondition" });
  });

  it("may be of a single address", async () => {
    const pool = await create("single", ["10.30.0.7/32", "2001:db8:30::7/128"]);
    expect(pool).toMatchObject({ size: 2n, cidrs: ["10.30.0.7/32", "2001:db8:30::7/128"] });
    expect((await pools().list({}, admin())).pools.map(({ name }) => name)).toContain("single");
    await pools().delete({ uuid: pool.uuid }, admin());
  });

  it("never share an address, and have names of their own", async () => {
    const pool = await create("unique", ["10.1.0.0/24", "2001:db8:1::/64"]);
    for (const cidr of ["10.1.0.0/24", "10.0.0.0/8", "10.1.0.128/25", "2001:db8:1::/80"]) {
      expect(await codeOf(create("overlapping", [cidr]))).toBe("AlreadyExists");
    }
    expect(await codeOf(create("unique", ["10.2.0.0/24"]))).toBe("AlreadyExists");
    expect(await codeOf(create("itself", ["10.3.0.0/24", "10.3.0.0/25"]))).toBe("AlreadyExists");
    expect((await pools().delete({ uuid: pool.uuid }, admin())).pool?.name).toBe("unique");
    expect(await codeOf(pools().get({ uuid: pool.uuid }, admin()))).toBe("NotFound");
    expect(await codeOf(pools().delete({ uuid: pool.uuid }, admin()))).toBe("NotFound");
    await pools().delete({ uuid: (await create("unique", ["10.1.0.0/16"])).uuid }, admin());
  });

  it.each([["10.1.0.1/24"], ["10.1.0.0"], ["10.1.0.0/40"], ["not a range"], [""]])(
    "refuse the range %j",
    async (cidr) => {
      expect(await refusal(create("wrong", [cidr]))).toMatchObject({ code: "InvalidArgument", fields: ["cidrs[0]"] });
    },
  );

  it("are of a partition that exists, or of all", async () => {
    expect(await refusal(create("nowhere", ["10.9.0.0/24"], { partition: "moon" }))).toMatchObject({
      code: "InvalidArgument",
      fields: ["partition"],
    });
    const local = await create("local", ["10.9.0.0/24"], { partition: "eqx-mu4" });
    const names = async (partition?: string) =>
      (await pools().list(partition === undefined ? {} : { partition }, admin())).pools.map(({ name }) => name);
    expect(await names("eqx-mu4")).toContain("local");
    expect(await names("other")).not.toContain("local");
    expect(await names()).toEqual([...(await names())].sort());
    await pools().delete({ uuid: local.uuid }, admin());
  });

  it("are for operators: viewers look, editors change", async () => {
    expect(await codeOf(pools().list({}, as(platform.tokens.owner)))).toBe("PermissionDenied");
    expect(await codeOf(pools().create({ name: "mine", network: "n1", cidrs: ["10.8.0.0/24"] }))).toBe(
      "Unauthenticated",
    );
  });

  it("of the configuration come and go with it, and are changed nowhere else", async () => {
    const parse = (text: string) => parseAddressPools(text, ["eqx-mu4"]);
    const first = parse("kept: {cidrs: [10.20.0.0/24]}\nleaving: {cidrs: [10.21.0.0/24], network: inside}\n");
    await syncPools(platform.platform, first);
    await syncPools(platform.platform, first);
    const byName = async (name: string) => (await pools().list({}, admin())).pools.find((pool) => pool.name === name);
    const kept = await byName("kept");
    expect(kept).toMatchObject({ configured: true, enabled: true, size: 254n, network: "kept" });
    expect(await codeOf(pools().update({ uuid: kept?.uuid ?? "", enabled: false }, admin()))).toBe(
      "FailedPrecondition",
    );
    expect(await codeOf(pools().delete({ uuid: kept?.uuid ?? "" }, admin()))).toBe("FailedPrecondition");
    await syncPools(platform.platform, parse("kept: {cidrs: [10.20.0.0/24, 10.22.0.0/24], partition: eqx-mu4}"));
    expect(await byName("kept")).toMatchObject({ size: 508n, partition: "eqx-mu4", uuid: kept?.uuid });
    expect(await byName("leaving")).toMatchObject({ enabled: false, network: "inside" });
  });
});

describe("the file of address pools", () => {
  it("names every fault", () => {
    const text =
      "a: {cidrs: [1.2.3.4/24]}\nbb: {cidrs: []}\ncc: {cidrs: [10.0.0.0/8], color: red}\ndd: {cidrs: [10.0.0.0/8], partition: moon}";
    expect(() => parseAddressPools(text, ["eqx-mu4"])).toThrow(
      /a: names.*bb: cidrs.*cc: has unknown fields: color.*dd: partition/,
    );
    expect(() => parseAddressPools("[]", [])).toThrow(/a map from name/);
    expect(() => parseAddressPools("ee: {cidrs: [1.2.3.4/24]}", [])).toThrow(/host bits.*1\.2\.3\.0/);
  });

  it("is not needed to try the platform", () => {
    expect(parseAddressPools(undefined, [])).toMatchObject([{ name: "internet", network: "internet" }]);
  });
});
