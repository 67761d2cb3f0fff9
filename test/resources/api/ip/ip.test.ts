import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IPService, IPType } from "../../../../gen/ts/api/v1/ip_pb.js";
import { AddressPoolService } from "../../../../gen/ts/infra/v1/address_pool_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";

let platform: TestPlatform;
let other: TestTenant;
beforeAll(async () => {
  platform = await startPlatform({ background: false, env: { SLIPWAY_ADDRESS_QUARANTINE_SECONDS: "3600" } });
  other = await platform.newTenant();
  await pools().create(
    { name: "tests", network: "internet", cidrs: ["198.51.100.0/24", "2001:db8:7::/64"] },
    as(platform.adminToken),
  );
});
afterAll(() => platform.close());

const pools = () => platform.client(AddressPoolService);
const ips = () => platform.client(IPService);
const owner = () => as(platform.tokens.owner);
const allocate = async (init: { name?: string; tags?: string[]; static?: boolean; description?: string } = {}) => {
  const { ip } = await ips().allocate({ name: "web", project: platform.project, ...init }, owner());
  if (ip === undefined) throw new Error("the answer has no address");
  return ip;
};

describe("addresses", () => {
  it("are handed out with what was asked for [metalstack.api.v1.IPService.Allocate]", async () => {
    const ip = await allocate({ name: "front", description: "of the shop", tags: ["team=shop"], static: true });
    expect(ip).toMatchObject({
      name: "front",
      description: "of the shop",
      network: "internet",
      project: platform.project,
      type: IPType.IP_TYPE_STATIC,
      tags: ["team=shop"],
    });
    expect(ip.ip).toMatch(/^198\.51\.100\.\d+$/);
    expect(ip.createdAt).toBeDefined();
    expect(ip.deletedAt).toBeUndefined();
  });

  it("are shown to their project only [metalstack.api.v1.IPService.Get] [metalstack.api.v1.IPService.List]", async () => {
    const ip = await allocate();
    const place = { project: platform.project, uuid: ip.uuid };
    expect((await ips().get(place, as(platform.tokens.viewer))).ip).toEqual(ip);
    expect((await ips().list({ project: platform.project }, owner())).ips.map(({ uuid }) => uuid)).toContain(ip.uuid);
    expect(await refusal(ips().get({ ...place, project: other.project }, as(other.tokens.owner)))).toMatchObject({
      code: "NotFound",
    });
    expect(await refusal(ips().get(place, as(other.tokens.owner)))).toMatchObject({ code: "PermissionDenied" });
    expect((await ips().list({ project: other.project }, as(other.tokens.owner))).ips).toEqual([]);
  });

  it("are for projects that exist, whatever an operator names", async () => {
    const root = as(platform.adminToken);
    for (const project of ["  ", "default", "00000000-0000-4000-8000-000000000000"]) {
      expect(await refusal(ips().allocate({ name: "web", project }, root))).toMatchObject({ code: "NotFound" });
    }
  });

  it("come from the pool that the tags choose", async () => {
    expect((await allocate({ tags: ["slipway.dev/network=internet"] })).network).toBe("internet");
    expect((await allocate({ tags: ["slipway.dev/family=ipv6"] })).ip).toMatch(/^2001:db8:7::/);
    expect((await allocate({ tags: ["slipway.dev/family=ipv4"] })).ip).toMatch(/^198\.51\.100\./);
    const wrong = (tags: string[]) =>
      refusal(ips().allocate({ name: "web", project: platform.project, tags }, owner()));
    expect(await wrong(["slipway.dev/network=moon"])).toMatchObject({ code: "FailedPrecondition" });
    expect(await wrong(["slipway.dev/family=ipx"])).toMatchObject({ code: "InvalidArgument" });
    expect(await wrong(["twice", "twice"])).toMatchObject({ code: "InvalidArgument" });
    expect(await wrong([""])).toMatchObject({ code: "InvalidArgument" });
    expect(await wrong(["x".repeat(257)])).toMatchObject({ code: "InvalidArgument" });
  });

  it("change name, description and tags, and become static, but never ephemeral again [metalstack.api.v1.IPService.Update]", async () => {
    const ip = await allocate({ tags: ["a"] });
    const update = (change: object, project = platform.project) =>
      ips().update({ project, ip: { ...ip, ...change } }, owner());
    const renamed = (await update({ name: "renamed", description: "new", tags: ["a", "b"] })).ip;
    expect(renamed).toMatchObject({ name: "renamed", description: "new", tags: ["a", "b"], ip: ip.ip, type: ip.type });
    expect((await update({ tags: ["a", "b"], type: IPType.IP_TYPE_UNSPECIFIED })).ip).toMatchObject({
      type: IPType.IP_TYPE_EPHEMERAL,
      tags: ["a", "b"],
    });
    expect((await update({ tags: ["a", "b"], type: IPType.IP_TYPE_STATIC })).ip).toMatchObject({
      type: IPType.IP_TYPE_STATIC,
      tags: ["a", "b"],
    });
    expect(await refusal(update({ type: IPType.IP_TYPE_EPHEMERAL }))).toMatchObject({ code: "FailedPrecondition" });
    expect(await refusal(update({ project: other.project, type: 0 }))).toMatchObject({ code: "InvalidArgument" });
    expect(await refusal(update({ ip: "198.51.100.250", type: 0 }))).toMatchObject({ code: "InvalidArgument" });
    expect(await refusal(update({ network: "moon", type: 0 }))).toMatchObject({ code: "InvalidArgument" });
    expect(await refusal(update({ uuid: platform.project, type: 0 }))).toMatchObject({ code: "NotFound" });
    expect(await refusal(ips().update({ project: platform.project }, owner()))).toMatchObject({
      code: "InvalidArgument",
    });
  });

  it("are released, and rest before somebody else gets them [metalstack.api.v1.IPService.Delete]", async () => {
    const ip = await allocate({ tags: ["kept"] });
    const place = { project: platform.project, uuid: ip.uuid };
    expect(await refusal(ips().delete({ ...place, project: other.project }, as(other.tokens.owner)))).toMatchObject({
      code: "NotFound",
    });
    const last = (await ips().delete(place, owner())).ip;
    expect(last).toMatchObject({ uuid: ip.uuid, ip: ip.ip, tags: ["kept"] });
    expect(last?.deletedAt).toBeDefined();
    expect(await refusal(ips().get(place, owner()))).toMatchObject({ code: "NotFound" });
    expect(await refusal(ips().delete(place, owner()))).toMatchObject({ code: "NotFound" });
    const next = await Promise.all(Array.from({ length: 20 }, () => allocate()));
    expect(next.map((one) => one.ip)).not.toContain(ip.ip);
  });
});
