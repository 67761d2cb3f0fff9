import { afterAll, beforeAll, expect, it } from "vitest";
import { PrincipalKind, PrincipalService } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { mostOfKind } from "../../../../src/resources/iam/principal/create.js";
import { principals } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

it.each([
  ["bot", PrincipalKind.BOT],
  ["team", PrincipalKind.TEAM],
] as const)("a tenant has so many %ss and no more, however many are made at once", async (word, kind) => {
  const { db, clock, newId } = platform.platform;
  const { tenant: login, tokens } = platform;
  const stamps = { createdAt: clock(), updatedAt: clock() };
  const row = (i: number) => ({ id: newId(), tenant: login, kind: word, name: `${word}${i}`, ...stamps });
  const rows = Array.from({ length: mostOfKind - 1 }, (_, i) => row(i));
  await db.insert(principals).values(rows);
  const client = platform.client(PrincipalService);
  const by = as(tokens.owner);
  const make = (name: string) => client.create({ login, kind, name }, by);
  const codes = await Promise.all(["one", "two", "three"].map((name) => codeOf(make(name))));
  expect(codes.sort()).toEqual(["OK", "ResourceExhausted", "ResourceExhausted"]);
  expect((await refusal(make("four"))).message).toContain(`has ${mostOfKind} ${word}s already`);
  const id = rows[0]?.id ?? "";
  expect(await codeOf(client.update({ login, id, description: "changed" }, by))).toBe("OK");
  expect(await codeOf(client.delete({ login, id }, by))).toBe("OK");
  expect(await codeOf(make("five"))).toBe("OK");
  const other = await platform.newTenant();
  expect(await codeOf(client.create({ login: other.tenant, kind, name: "one" }, as(other.tokens.owner)))).toBe("OK");
});
