import { beforeAll, describe, expect, it } from "vitest";
import { loadDescriptors } from "../../scripts/descriptors.js";
import { compiledFacts } from "./compiled.js";
import { differences, type Facts } from "./facts.js";
import { type Contract, publishedFacts, readContract } from "./published.js";

// What this server has beyond the published contract.
const additions: Facts = new Map([["field api.v1.AssetServiceListResponse.asset_list", "repeated api.v1.Asset = 2"]]);

const published = publishedFacts(readContract());
let compiled: Facts;

beforeAll(async () => {
  const packages = new Set(["admin.v1", "api.v1", "status.v1"]);
  compiled = compiledFacts((await loadDescriptors()).filter((file) => packages.has(file.proto.package)));
});

function count(facts: Facts, kind: string): number {
  return [...facts.keys()].filter((subject) => subject.startsWith(`${kind} `)).length;
}

describe("the compiled contract", () => {
  it("is the published one, in both directions", () => {
    expect(differences(new Map([...published, ...additions]), compiled)).toEqual([]);
  });

  it("has all files, messages and methods", () => {
    const counts = Object.fromEntries(["file", "message", "rpc"].map((kind) => [kind, count(compiled, kind)]));
    expect(counts).toEqual({ file: 24, message: 255, rpc: 95 });
  });

  it("has additions only where the published contract has nothing", () => {
    expect([...additions.keys()].filter((subject) => published.has(subject))).toEqual([]);
  });
});

describe("the comparison", () => {
  function changed(change: (contract: Contract) => void): string[] {
    const contract = readContract();
    change(contract);
    return differences(publishedFacts(contract), published);
  }

  it("names a field with another number", () => {
    const cluster = (contract: Contract) => contract["api/v1/cluster.proto"]?.messages.Cluster?.fields[0];
    expect(changed((contract) => Object.assign(cluster(contract) ?? {}, { number: 99 }))).toEqual([
      'field api.v1.Cluster.uuid: published as "string = 99", but is "string = 1"',
    ]);
  });

  it("names a rule that differs", () => {
    const worker = (contract: Contract) => contract["api/v1/cluster.proto"]?.messages.Worker?.fields[2];
    expect(changed((contract) => Object.assign(worker(contract) ?? {}, { rules: { "uint32.lte": 33 } }))).toEqual([
      'rules of api.v1.Worker.minsize: published as "uint32.lte=33", but is "uint32.lte=32"',
    ]);
  });

  it("names what only one side has", () => {
    const missing = changed((contract) => {
      const file = contract["api/v1/ip.proto"];
      if (file) file.enums.IPType = { IP_TYPE_UNSPECIFIED: 0, IP_TYPE_EPHEMERAL: 1, IP_TYPE_ANYCAST: 3 };
    });
    expect(missing).toEqual([
      'enum value api.v1.IPType.IP_TYPE_ANYCAST: published as "3", but missing',
      'enum value api.v1.IPType.IP_TYPE_STATIC: "2" is not published',
    ]);
  });
});
