import type { DescMethod, Message } from "@bufbuild/protobuf";
import { createGrpcTransport } from "@connectrpc/connect-node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectStore } from "../../src/resources/api/project/store.js";
import { tenantStore } from "../../src/resources/api/tenant/store.js";
import { directoryStore } from "../../src/resources/iam/principal/directory-store.js";
import { principalStore } from "../../src/resources/iam/principal/store.js";
import { resources } from "../../src/resources.js";
import { policyOf } from "../../src/rpc/method-options.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../support/platform.js";
import { clustersOf } from "./support/clusters.js";
import { messagesOf } from "./support/generators.js";
import { expectUnharmed, postTo } from "./support/raw.js";
import { codeOf } from "./support/refusals.js";

let platform: TestPlatform;
/** Whom the garbage is about, and who sends it: what it does to this one does not end the test. */
let target: TestTenant;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  target = await platform.newTenant();
});
afterAll(async () => {
  await expectUnharmed(platform, used);
  await platform.close();
});

const used: string[] = [];

/** A token for one call, which may well be Logout; of an operator, or of the target's owner. */
async function freshToken(asAdmin: boolean): Promise<string> {
  if (!asAdmin) await revive();
  const every = asAdmin ? {} : ({ "*": "owner" } as const);
  const owner = asAdmin ? "root" : target.tenant;
  const roles = { projectRoles: every, tenantRoles: every, adminRole: asAdmin ? ("editor" as const) : null };
  const token = await platform.token({ owner, ...roles });
  used.push(token);
  return token;
}

/** What is valid may disable or delete the target, with everything: it is there again for the next call. */
async function revive(): Promise<void> {
  const { db, clock } = platform.platform;
  const { tenant, project } = target;
  const [now, stamps] = [clock(), { createdAt: clock(), updatedAt: clock() }];
  await principalStore.ensureUser(db, tenant, now);
  await directoryStore.change(db, tenant, { enabled: true });
  await tenantStore.ensure(db, { login: tenant, name: tenant, createdBy: tenant, admitted: true, ...stamps });
  await tenantStore.setMember(db, tenant, tenant, "owner", now);
  if ((await projectStore.get(db, project)) !== undefined) return;
  await projectStore.insert(db, { id: project, tenant, name: "default", isDefault: true, ...stamps });
}

describe("garbage", () => {
  const served = resources
    .filter(({ register }) => register !== undefined)
    .flatMap(({ service }) => service.methods)
    .filter(({ methodKind }) => methodKind === "unary");
  const paths = served.map((method) => policyOf(method).path);
  const bad = ["internal", "unknown", "unavailable", "aborted", "data_loss", "deadline_exceeded"];

  it("of bytes never does more than to be refused", async () => {
    const bytes = fc.uint8Array({ maxLength: 64 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), bytes, fc.boolean(), async (path, body, asAdmin) => {
        const { status, code } = await postTo(platform, path, "application/proto", body, await freshToken(asAdmin));
        expect(bad).not.toContain(code);
        expect(status).not.toBe(500);
      }),
      { numRuns: 150 },
    );
  });

  it("of JSON neither", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.json({ stringUnit: "binary" }), async (path, body) => {
        const { status, code } = await postTo(platform, path, "application/json", body, await freshToken(false));
        expect(bad).not.toContain(code);
        expect(status).not.toBe(500);
      }),
      { numRuns: 100 },
    );
  });

  it("in the shape of requests neither", async () => {
    const transport = createGrpcTransport({ baseUrl: platform.url });
    target = await platform.newTenant();
    const known = [target.project, target.tenant, (await clustersOf(platform, target).create()).uuid];
    const call = fc
      .constantFrom(...served)
      .chain((method) => fc.tuple(fc.constant(method), messagesOf(method.input, known)));
    const codes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(call, fc.boolean(), async ([method, message], asAdmin) => {
        const headers = { authorization: `Bearer ${await freshToken(asAdmin)}` };
        const code = await codeOf(unary(transport, method, headers, message));
        codes.set(code, (codes.get(code) ?? 0) + 1);
        expect(["Internal", "Unknown", "Unavailable", "DataLoss", "DeadlineExceeded"]).not.toContain(code);
      }),
      { numRuns: 400 },
    );
    // Enough of it came past the checks to reach the handlers.
    expect(codes.get("OK") ?? 0).toBeGreaterThan(10);
    expect(codes.get("InvalidArgument") ?? 0).toBeGreaterThan(10);
  });

  function unary(
    transport: ReturnType<typeof createGrpcTransport>,
    method: DescMethod,
    headers: Record<string, string>,
    message: Message,
  ) {
    return transport.unary(method as never, undefined, 10_000, headers, message as never);
  }
});
