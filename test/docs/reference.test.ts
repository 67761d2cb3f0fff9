import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { loadDescriptors } from "../../scripts/descriptors.js";
import { root } from "../../scripts/run.js";
import { pathOf, policyOf } from "../../src/rpc/method-options.js";

const folder = join(root, "docs", "reference");
const files = await loadDescriptors();
const packages = [...new Set(files.map((file) => file.proto.package))].sort();
const pages = new Map(packages.map((name) => [name, readFileSync(join(folder, `${name}.md`), "utf8")]));
const pageOf = (file: { proto: { package: string } }) => pages.get(file.proto.package) ?? "";

/** What stands below a heading, up to the next one. */
function section(page: string, heading: string): string {
  const [, text = ""] = page.split(`\n${heading}\n`);
  return text.split(/\n#{2,3} /)[0] ?? "";
}

describe("the reference", () => {
  it("has a page for each package, and the index all services", () => {
    expect(readdirSync(folder).sort()).toEqual(["README.md", ...packages.map((name) => `${name}.md`)].sort());
    const index = readFileSync(join(folder, "README.md"), "utf8");
    for (const { name, file } of files.flatMap(({ services }) => services)) {
      expect(index).toContain(`[${name}](${file.proto.package}.md#${name.toLowerCase()})`);
    }
  });

  it("tells of each method who may call it, what it costs and whether it is recorded", () => {
    for (const method of files.flatMap(({ services }) => services).flatMap(({ methods }) => methods)) {
      const text = section(pageOf(method.parent.file), `### ${method.parent.name}.${method.name}`);
      const { visibility, projectRoles, tenantRoles, adminRoles, chargeable, audited } = policyOf(method);
      const path = pathOf(method);
      expect([path, text.includes(`POST ${path}`)]).toEqual([path, true]);
      const roles = text.match(/`(project|tenant|admin):[a-z]+`/g)?.length ?? 0;
      expect([path, roles]).toEqual([path, projectRoles.length + tenantRoles.length + adminRoles.length]);
      expect([path, /Visibility: `public`/.test(text)]).toEqual([path, visibility === Visibility.PUBLIC]);
      expect([path, text.includes("Chargeable.")]).toEqual([path, chargeable]);
      expect([path, text.includes("Audited.")]).toEqual([path, audited]);
    }
  });

  it("has a row for each field of each message, and for each value of each enum", () => {
    for (const file of files) {
      const page = pageOf(file);
      for (const message of file.messages) {
        const text = section(page, `### ${message.name}`);
        const missing = message.fields.filter(({ name }) => !text.includes(`| \`${name}\` | `));
        expect([message.typeName, missing.map(({ name }) => name)]).toEqual([message.typeName, []]);
      }
      for (const desc of file.enums) {
        const text = section(page, `### ${desc.name}`);
        expect(desc.values.filter(({ name }) => !text.includes(`| \`${name}\` | `))).toEqual([]);
      }
    }
  });
});
