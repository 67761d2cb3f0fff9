import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { holdersOf } from "../../iam/access/holders.js";
import { codeOf } from "../../support/refusals.js";
import { environmentsOf } from "../environment/environments.js";
import { dataOf, secretsOf } from "./secrets.js";

let platform: TestPlatform;
let tenant: TestTenant;
let all: ReturnType<typeof secretsOf>;
let holders: ReturnType<typeof holdersOf>;
/** Two environments of the project, and a secret in each and in the project. */
let own: string;
let other: string;
const uuids = { own: "", other: "", whole: "" };
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  holders = holdersOf(platform);
});
beforeEach(async () => {
  tenant = await platform.newTenant();
  all = secretsOf(platform, tenant);
  const envs = environmentsOf(platform, tenant);
  [own, other] = [(await envs.create()).uuid, (await envs.create()).uuid];
  uuids.own = (await all.create({ environment: own, name: "own" })).uuid;
  uuids.other = (await all.create({ environment: other, name: "other" })).uuid;
  uuids.whole = (await all.create({ name: "whole" })).uuid;
});
afterAll(() => platform.close());

type Caller = ReturnType<typeof as>;

/** A caller whose role is held in the environment alone: a built-in one, or one of these permissions. */
async function inOwn(role: string, ...permissions: string[]): Promise<Caller> {
  const bot = await holders.bot(tenant);
  const given = permissions.length === 0 ? role : await holders.role(tenant, ScopeKind.ENVIRONMENT, ...permissions);
  const place = { project: tenant.project, environment: own };
  await holders.access.setRoleBinding({ ...place, role: given, holder: { case: "principal", value: bot } }, all.owner);
  return as(await holders.apiKey(bot));
}

/** Every call about one secret, by whom, naming that environment. */
const callsAbout = (uuid: string, environment: string, by: Caller) => ({
  get: () => all.get(uuid, environment, by),
  reveal: () => all.reveal(uuid, { environment }, by),
  update: () => all.update(uuid, { environment, data: dataOf({ stolen: "yes" }) }, by),
  delete: () => all.delete(uuid, environment, by),
});

async function codesOf(calls: Readonly<Record<string, () => Promise<unknown>>>): Promise<Set<string>> {
  const codes = new Set<string>();
  for (const call of Object.values(calls)) codes.add(await codeOf(call()));
  return codes;
}

describe.each([
  ["the role owner", () => inOwn("owner")],
  ["a custom role", () => inOwn("", "deploy.v1.SecretService")],
])("whoever has %s in an environment alone", (_, caller) => {
  it("reaches its secrets by naming it", async () => {
    const by = await caller();
    expect((await all.get(uuids.own, own, by))?.name).toBe("own");
    expect((await all.reveal(uuids.own, { environment: own }, by)).values).toEqual({ key: "value" });
    expect(await all.names({ environment: own }, by)).toEqual(["own"]);
    expect((await all.create({ environment: own, name: "new" }, by)).environment).toBe(own);
    expect((await all.update(uuids.own, { environment: own, description: "mine" }, by))?.description).toBe("mine");
    expect((await all.delete(uuids.own, own, by)).secret?.uuid).toBe(uuids.own);
    expect(await all.names({ environment: own }, by)).toEqual(["new"]);
  });

  it("finds no others there, whatever their uuid", async () => {
    const by = await caller();
    for (const uuid of [uuids.other, uuids.whole]) {
      expect(await codesOf(callsAbout(uuid, own, by))).toEqual(new Set(["NotFound"]));
    }
    const foreign = await platform.newTenant();
    const theirs = await secretsOf(platform, foreign).create();
    expect(await codesOf(callsAbout(theirs.uuid, own, by))).toEqual(new Set(["NotFound"]));
  });

  it("is refused for another environment, and without one", async () => {
    const by = await caller();
    for (const [uuid, environment] of [
      [uuids.other, other],
      [uuids.own, other],
      [uuids.own, ""],
      [uuids.whole, ""],
    ] as const) {
      expect(await codesOf(callsAbout(uuid, environment, by))).toEqual(new Set(["PermissionDenied"]));
    }
    for (const environment of [other, ""]) {
      expect(await codeOf(all.names({ environment }, by))).toBe("PermissionDenied");
      expect(await codeOf(all.create({ environment }, by))).toBe("PermissionDenied");
    }
    expect(await all.names()).toEqual(expect.arrayContaining(["other", "own", "whole"]));
    expect((await all.get(uuids.other))?.version).toBe(1n);
  });
});

describe("a viewer of an environment alone", () => {
  it("sees what is there, and no content", async () => {
    const by = await inOwn("viewer");
    expect(await all.names({ environment: own }, by)).toEqual(["own"]);
    const { get, ...others } = callsAbout(uuids.own, own, by);
    expect(await codeOf(get())).toBe("OK");
    expect(await codesOf(others)).toEqual(new Set(["PermissionDenied"]));
  });
});

describe("whoever has a role in the project", () => {
  it("needs no environment, and finds only what is in the one that is named", async () => {
    for (const uuid of Object.values(uuids)) expect((await all.get(uuid))?.uuid).toBe(uuid);
    expect((await all.get(uuids.own, own))?.uuid).toBe(uuids.own);
    expect(await codesOf(callsAbout(uuids.own, other, all.owner))).toEqual(new Set(["NotFound"]));
    expect(await codesOf(callsAbout(uuids.whole, own, all.owner))).toEqual(new Set(["NotFound"]));
    expect(await all.names({ environment: other })).toEqual(["other"]);
  });

  it("of another tenant reaches none", async () => {
    const foreign = await platform.newTenant();
    const theirs = secretsOf(platform, foreign);
    for (const uuid of Object.values(uuids)) {
      for (const environment of ["", own]) {
        const calls = {
          get: () => theirs.get(uuid, environment),
          reveal: () => theirs.reveal(uuid, { environment }),
          update: () => theirs.update(uuid, { environment, description: "x" }),
          delete: () => theirs.delete(uuid, environment),
        };
        expect(await codesOf(calls)).toEqual(new Set(["NotFound"]));
      }
    }
    expect(await codesOf(callsAbout(uuids.own, own, as(foreign.tokens.owner)))).toEqual(new Set(["PermissionDenied"]));
  });
});
