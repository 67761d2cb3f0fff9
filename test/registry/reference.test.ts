import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { parseReference } from "../../src/registry/reference.js";

const hex = "0123456789abcdef".repeat(4);

describe("a reference", () => {
  test.each([
    ["nginx", { registry: "docker.io", repository: "library/nginx", tag: "latest", digest: "" }],
    ["team/web:1.0", { registry: "docker.io", repository: "team/web", tag: "1.0", digest: "" }],
    ["docker.io/nginx", { registry: "docker.io", repository: "library/nginx", tag: "latest", digest: "" }],
    ["index.docker.io/nginx:1", { registry: "docker.io", repository: "library/nginx", tag: "1", digest: "" }],
    ["localhost/web", { registry: "localhost", repository: "web", tag: "latest", digest: "" }],
    [
      "registry.example:5000/a/b_c/d--e:V.1",
      { registry: "registry.example:5000", repository: "a/b_c/d--e", tag: "V.1" },
    ],
    ["[::1]:5000/web", { registry: "[::1]:5000", repository: "web", tag: "latest", digest: "" }],
    [`web@sha256:${hex}`, { registry: "docker.io", repository: "library/web", tag: "", digest: `sha256:${hex}` }],
    [`r.example/web:1@sha256:${hex}`, { registry: "r.example", repository: "web", tag: "1", digest: `sha256:${hex}` }],
  ])("%s", (image, expected) => {
    expect(parseReference(image)).toMatchObject(expected);
  });

  test.each([
    ["", "repository"],
    ["Nginx", "repository"],
    ["registry.example/", "repository"],
    ["registry.example//web", "repository"],
    ["https://registry.example/web", "registry"],
    ["web__", "repository"],
    ["web..x", "repository"],
    ["../web", "registry"],
    ["user@registry.example/web", "digest"],
    ["r.example:99999/web", "registry"],
    ["r.example:port/web", "registry"],
    ["web:", "tag"],
    ["web:-1", "tag"],
    [`web:${"a".repeat(129)}`, "tag"],
    ["web:1\n", "tag"],
    ["web@", "digest"],
    ["web@sha256:short", "digest"],
    [`web@md5:${hex}`, "digest"],
    [`r.example/${"a".repeat(256)}`, "repository"],
  ])("that is none: %j", (image, part) => {
    expect(() => parseReference(image)).toThrow(expect.objectContaining({ kind: "invalid" }));
    expect(() => parseReference(image)).toThrow(part);
  });

  it("comes back from its parts as it was", () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-)[a-z0-9]{1,8}){0,2}$/);
    const host = fc.stringMatching(/^[a-z0-9]{1,8}\.[a-z]{2,5}(:[1-9][0-9]{0,3})?$/);
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
    const digest = fc.stringMatching(/^sha256:[0-9a-f]{64}$/);
    const parts = fc.record({ host, path: fc.array(part, { minLength: 1, maxLength: 4 }), tag, digest });
    fc.assert(
      fc.property(parts, ({ host, path, tag, digest }) => {
        const repository = path.join("/");
        const expected = { registry: host, repository, tag, digest };
        expect(parseReference(`${host}/${repository}:${tag}@${digest}`)).toEqual(expected);
      }),
    );
  });

  it("is read or refused, whatever it is, and holds nothing that a URL takes otherwise", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9.:/@_[\]-]{0,40}$/));
    fc.assert(
      fc.property(text, (image) => {
        try {
          const { registry, repository, tag, digest } = parseReference(image);
          const reference = digest || tag;
          const path = `/v2/${repository}/manifests/${reference}`;
          const url = new URL(path, `https://${registry}`);
          expect([url.pathname, url.search, url.hash, url.username]).toEqual([path, "", "", ""]);
        } catch (error) {
          expect(error).toMatchObject({ kind: "invalid" });
        }
      }),
    );
  });
});
