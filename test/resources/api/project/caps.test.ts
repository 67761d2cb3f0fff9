import { afterAll, beforeAll, expect, it } from "vitest";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { mostProjects } from "../../../../src/resources/api/project/service.js";
import { projects } from "../../../../src/resources/api/project/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

it("a tenant has so many projects and no more, however many are made at once", async () => {
  const { db, clock, newId } = platform.platform;
  const { tenant: login, tokens } = platform;
  const stamps = { createdAt: clock(), updatedAt: clock() };
  const row = (i: number) => ({ id: newId(), tenant: login, name: `p${i}`, description: "", isDefault: false });
  // Beside the default one there is room for one more.
  const rows = Array.from({ length: mostProjects - 2 }, (_, i) => ({ ...row(i), ...stamps }));
  await db.insert(projects).values(rows);
  const client = platform.client(ProjectService);
  const by = as(tokens.owner);
  const make = (name: string) => client.create({ login, name, description: "one more" }, by);
  const codes = await Promise.all(["one", "two", "three"].map((name) => codeOf(make(name))));
  expect(codes.sort()).toEqual(["OK", "ResourceExhausted", "ResourceExhausted"]);
  expect((await refusal(make("four"))).message).toContain(`has ${mostProjects} projects already`);
  expect(await codeOf(client.update({ project: rows[0]?.id ?? "", name: "renamed" }, by))).toBe("OK");
  expect(await codeOf(client.delete({ project: rows[1]?.id ?? "" }, by))).toBe("OK");
  expect(await codeOf(make("five"))).toBe("OK");
  const other = await platform.newTenant();
  const elsewhere = { login: other.tenant, name: "one", description: "first" };
  expect(await codeOf(client.create(elsewhere, as(other.tokens.owner)))).toBe("OK");
});
