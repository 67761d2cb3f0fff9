import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { parseAssets } from "../../../../src/resources/api/assets/assets.js";
import { defaultAssets } from "../../../../src/resources/api/assets/default-assets.js";

type Tree = { [key: string]: Tree | string | number | boolean | null | Tree[] };

/** The demo assets with one thing changed. */
function changed(change: (muc: Tree & { region: Tree }) => void): string {
  const assets = structuredClone(defaultAssets) as unknown as { muc: Tree & { region: Tree } };
  change(assets.muc);
  return stringify(assets);
}

describe("an assets file", () => {
  it("may be YAML or JSON", () => {
    expect(parseAssets(stringify(defaultAssets)).all).toEqual(parseAssets(undefined).all);
    expect(parseAssets(JSON.stringify(defaultAssets)).all).toEqual(parseAssets(undefined).all);
  });

  it.each([
    ["nothing in it", "", /map from region id to asset/],
    ["a list", "[]", /map from region id to asset/],
    ["no region", "{}", /there is no region/],
    ["no YAML", "a: [", /neither YAML nor JSON/],
    ["the same key twice", "a: {}\na: {}", /neither YAML nor JSON.*unique/],
    ["a region of null", "muc: null", /region muc/],
    ["a number for a version", changed((muc) => (muc.kubernetes = [{ version: 1.34 }])), /region muc.*version/],
    [
      "a version of two parts",
      changed((muc) => (muc.kubernetes = [{ version: "1.34" }])),
      /"1.34" must be like 1.33.5/,
    ],
    ["an unknown field", changed((muc) => (muc.colour = "red")), /region muc.*colour/],
    ["another id than its key", changed((muc) => (muc.region.id = "fra")), /region.id must be "muc"/],
    [
      "an unknown default",
      changed((muc) => ((muc.region.defaults as Tree).machineType = "abacus")),
      /default machine type/,
    ],
    [
      "an inherited default",
      changed((muc) => ((muc.region.defaults as Tree).machineType = "toString")),
      /default machine type/,
    ],
    ["a default elsewhere", changed((muc) => ((muc.region.defaults as Tree).partition = "fra1")), /default partition/],
    [
      "a default version",
      changed((muc) => ((muc.region.defaults as Tree).kubernetesVersion = "1.2.3")),
      /default Kubernetes version/,
    ],
  ])("with %s is refused by one clear error", (_, text, message) => {
    expect(() => parseAssets(text)).toThrow(/^assets: /);
    expect(() => parseAssets(text)).toThrow(message);
  });

  it("names every fault", () => {
    const text = changed((muc) => {
      (muc.region.defaults as Tree).machineType = "abacus";
      (muc.region.defaults as Tree).partition = "fra1";
    });
    expect(() => parseAssets(text)).toThrow(/machine type is unknown; .*partition is unknown/);
  });
});
