import { create, type DescMethod } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Visibility } from "../../../gen/ts/api/v1/common_pb.js";
import { loadDescriptors } from "../../../scripts/descriptors.js";
import { services } from "../../../src/app.js";
import { startPlatform, type TestPlatform } from "../../support/platform.js";
import { type About, optionsOf, predict, type Verdict } from "./oracle.js";
import type { Principal } from "./principal.js";
import { makePrincipals } from "./principals.js";
import { expectRecorded, inventory, madeByTest, type Refused } from "./records.js";
import { ask, harmless, reads, requestFor, spoil, subjectsFor } from "./requests.js";
import { makeWorld, type World } from "./world.js";

const declared = (await loadDescriptors()).flatMap((file) => file.services).flatMap((service) => service.methods);
const methods = declared.map((method) => [optionsOf(method).path, method] as const);
const atOnce = 20;

/** One call, and how far it shall come. */
interface Cell {
  readonly method: DescMethod;
  readonly who: Principal;
  readonly about: About;
  readonly expected: Verdict;
}

let platform: TestPlatform;
let world: World;
let principals: readonly Principal[];
let before: Awaited<ReturnType<typeof inventory>>;
const refused: Refused[] = [];
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  world = await makeWorld(platform);
  principals = await makePrincipals(platform, world);
  before = await inventory(platform);
});
afterAll(() => platform.close());

/** The kinds of callers that call every method; the others, variants of these, call every third. */
const always = [
  "anonymous",
  "expired token",
  "revoked token",
  "disabled user",
  "tenant owner, console",
  "tenant editor, console",
  "tenant viewer, console",
  "tenant guest",
  "project owner",
  "project editor",
  "project viewer",
  "other tenant's owner",
  "admin viewer",
  "admin editor",
  "bot, API key",
  "tenant owner, single permission",
  "custom role of all at the tenant",
  "custom role of all at the project",
  "environment owner",
  "owner of a tenant named like the project",
];

/** Those who could come too far in more than one way: they try every subject. */
const thorough = [...always.slice(-5), "tenant owner, console"];

const turnOf = (method: DescMethod): number => declared.indexOf(method);

/** Who calls a method all kinds, and the variants whose turn it is. */
function callersOf(method: DescMethod): readonly Principal[] {
  return principals.filter(({ name }, i) => always.includes(name) || (turnOf(method) + i) % 3 === 0);
}

/**
 * Who calls about what. Bad tokens need no subject; most others try what is their
 * own and one more subject, another for each method.
 */
function cellsOf(method: DescMethod, callers: readonly Principal[]): Cell[] {
  const all = subjectsFor(method, world);
  const own = all.filter(({ name }, i) => i === 0 || name === "own tenant");
  const others = all.filter((about) => !own.includes(about));
  return callers.flatMap((who, i) => {
    const other = others[(turnOf(method) + i) % others.length];
    const some = other === undefined ? own : [...own, other];
    const subjects = who.proof !== "good" ? own.slice(0, 1) : thorough.includes(who.name) ? all : some;
    return subjects.map((about) => ({ method, who, about, expected: predict(method, who, about) }));
  });
}

/** Calls all, and answers in words those that came further, or less far, than they should. */
async function wrongCells(cells: readonly Cell[], transport: Transport): Promise<string[]> {
  const wrong: string[] = [];
  const waiting = [...cells];
  const work = async (): Promise<void> => {
    for (let cell = waiting.pop(); cell !== undefined; cell = waiting.pop()) {
      const defect = await wrongness(cell, transport);
      if (defect !== undefined) wrong.push(`${cell.who.name} | ${cell.about.name} | ${defect}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return wrong.sort();
}

const headers = new Map<string, Promise<string | undefined>>();

/** One token for each principal, but for those whom the method decides, or whose token it ends. */
function headerOf(who: Principal, path: string): Promise<string | undefined> {
  const isOwn = who.permits.length > 0 || path === "/iam.v1.AuthService/Logout";
  const key = isOwn ? `${who.name} ${path}` : who.name;
  const header = headers.get(key) ?? who.header(path);
  if (path !== "/iam.v1.AuthService/Logout") headers.set(key, header);
  return header;
}

async function wrongness({ method, who, about, expected }: Cell, transport: Transport): Promise<string | undefined> {
  const { path, audited } = optionsOf(method);
  const header = await headerOf(who, path);
  const { code, message } = await ask(transport, method, requestFor(method, about, world), header);
  const verdict = verdictOf(code);
  if (verdict === "denied" || verdict === "unauthenticated") {
    // Who has been recognised is recorded.
    const user = verdict === "denied" ? who.user : undefined;
    if (audited) refused.push({ method: path, user, verdict });
  }
  const isExpected = verdict === expected && (verdict !== "denied" || message.startsWith("this method"));
  return isExpected ? undefined : `should be ${expected}, is ${code}: ${message}`;
}

/** What the code of an answer says; an answer that no call should have is none of them. */
function verdictOf(code: string): Verdict | "defect" {
  if (code === "Unauthenticated") return "unauthenticated";
  if (code === "PermissionDenied") return "denied";
  const well = ["OK", "InvalidArgument", "NotFound", "FailedPrecondition", "AlreadyExists", "Unimplemented"];
  return well.includes(code) ? "through" : "defect";
}

describe("the matrix", () => {
  it("has every method of the contract, and all of them are served", () => {
    const served = services.flatMap((service) => service.methods).map((method) => optionsOf(method).path);
    expect([...served].sort()).toEqual(methods.map(([path]) => path).sort());
    expect(served.length).toBeGreaterThan(100);
  });

  it("knows how to call every method without doing harm", () => {
    const unspoiled = declared.filter((method) => !reads(method) && !spoil(method.input, create(method.input)));
    expect(unspoiled.map((method) => optionsOf(method).path).sort()).toEqual(Object.keys(harmless).sort());
  });

  it("has principals with names of their own", () => {
    const names = principals.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(always));
  });

  it.each(methods)("%s lets through whom its options name, and nobody else", async (_, method) => {
    const cells = cellsOf(method, callersOf(method));
    const { visibility } = optionsOf(method);
    const expected = new Set(cells.map((cell) => cell.expected));
    expect(expected.has("through")).toBe(visibility !== Visibility.PRIVATE);
    expect(expected.has("unauthenticated")).toBe(visibility !== Visibility.PUBLIC);
    const byRole = visibility !== Visibility.PUBLIC && visibility !== Visibility.SELF;
    expect(expected.has("denied")).toBe(byRole);
    expect(await wrongCells(cells, createGrpcTransport({ baseUrl: platform.url }))).toEqual([]);
  });
});

describe.each([
  ["Connect", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  ["gRPC-Web", (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
])("over %s", (_, connect) => {
  const sample = ["anonymous", "expired token", "tenant viewer, console", "project editor", "admin viewer"];

  it.each(services.map((service) => [service.typeName, service] as const))(
    "%s is guarded alike",
    async (_, service) => {
      const callers = principals.filter(({ name }) => sample.includes(name));
      expect(callers).toHaveLength(sample.length);
      // Only HTTP/2 carries requests and answers at once.
      const methods = service.methods.filter(({ methodKind }) => methodKind !== "bidi_streaming");
      const cells = methods.flatMap((method) => {
        const [first] = subjectsFor(method, world);
        return cellsOf(method, callers).filter(({ about }) => about.name === first?.name);
      });
      const transport = connect(platform.url);
      expect(await wrongCells(cells, transport)).toEqual([]);
    },
  );
});

describe("all those calls", () => {
  it("have left a record of each refusal where the options ask for it, and none elsewhere", async () => {
    expect(refused.length).toBeGreaterThan(1_000);
    await expectRecorded(platform, refused);
  });

  it("have changed nothing", async () => {
    const after = await inventory(platform);
    expect(before.size).toBeGreaterThan(10);
    for (const [table, rows] of before) expect([...rows].filter((row) => !after.get(table)?.has(row))).toEqual([]);
    for (const [table, rows] of after) {
      const added = [...rows].filter((row) => !before.get(table)?.has(row) && !madeByTest(table, row));
      expect({ table, added }).toEqual({ table, added: [] });
    }
  });
});
