import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bracketed, coverage, type Operation, parseLedger, unknownIds } from "../../scripts/ledger.js";

const operations: Operation[] = [
  { system: "old", id: "old.create", rpc: "shop.v1.OrderService/Create" },
  { system: "old", id: "old.list", rpc: "shop.v1.OrderService/List" },
  { system: "old", id: "old.list.alias", rpc: "shop.v1.OrderService/List" },
  { system: "old", id: "old.ship", rpc: "shop.v1.ShippingService/Ship" },
  { system: "old", id: "old.fax", rpc: undefined },
  { system: "ancient", id: "ancient.list", rpc: "shop.v1.OrderService/List" },
];
const rpcs = new Set(["shop.v1.OrderService/Create", "shop.v1.OrderService/List"]);

describe("coverage", () => {
  it("needs both an RPC and a test, and counts operations without a counterpart apart", () => {
    const tested = new Set(["old.list", "old.ship", "old.fax"]);
    expect(coverage(operations, rpcs, tested)).toEqual([
      { system: "ancient", operations: 1, covered: 0, without: 0, missing: new Map([["ancient.list", "no test"]]) },
      {
        system: "old",
        operations: 4,
        covered: 1,
        without: 1,
        missing: new Map([
          ["old.create", "no test"],
          ["old.list.alias", "no test"],
          ["old.ship", "no rpc"],
        ]),
      },
    ]);
  });
});

describe("ids in titles", () => {
  it("are read from every bracket, and several from one", () => {
    expect(
      bracketed(["Orders > creates one [old.create]", "lists them [old.list, old.list.alias] [old.ship]"]),
    ).toEqual(new Set(["old.create", "old.list", "old.list.alias", "old.ship"]));
  });

  it("are reported when no operation has them, unless they are no ids at all", () => {
    expect(unknownIds(operations, ["old.creat", "old.list", "old", "1", "new.thing"])).toEqual(["old.creat"]);
  });
});

describe("the ledger", () => {
  const header = "system\tid\tmethod\tpath\tsummary\tgroup\tstatus\trpc";

  it("has every operation of every system", () => {
    const ledger = parseLedger(readFileSync(join(import.meta.dirname, "../../docs/operations.tsv"), "utf8"));
    const counts = coverage(ledger, new Set(), new Set()).map(({ system, operations, without }) => [
      system,
      operations + without,
    ]);
    expect(counts).toEqual([
      ["deis", 34],
      ["metalstack", 47],
      ["pds", 162],
      ["platz", 72],
      ["tsuru", 223],
    ]);
  });

  it.each([
    ["another header", "id\tsystem\n"],
    ["too few columns", `${header}\nold\told.list\tGET\n`],
    ["an id of another system", `${header}\nold\tnew.list\tGET\t/\t\t\tcurrent\tnone\n`],
    ["an RPC that is no name", `${header}\nold\told.list\tGET\t/\t\t\tcurrent\tlater\n`],
    ["an id twice", `${header}${"\nold\told.list\tGET\t/\t\t\tcurrent\tnone".repeat(2)}\n`],
  ])("is refused with %s", (_fault, text) => {
    expect(() => parseLedger(text)).toThrow(/ledger/);
  });
});
