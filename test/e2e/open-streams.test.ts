import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { tenantStore } from "../../src/resources/api/tenant/store.js";
import { tokens } from "../../src/resources/api/token/table.js";
import { principalStore } from "../../src/resources/iam/principal/store.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform.close());

const transports: [string, () => Transport][] = [
  ["gRPC", () => createGrpcTransport({ baseUrl: platform.url })],
  ["Connect", () => createConnectTransport({ baseUrl: platform.url, httpVersion: "1.1" })],
];

/** A watch of all clusters, and how it ends. */
function watch(token: string, open: () => Transport) {
  const seen: string[] = [];
  const client = platform.client(ClusterService, open());
  const ended = (async () => {
    for await (const { status } of client.watchStatus({ project: platform.project }, as(token))) {
      seen.push(`${status?.type} ${status?.state}`);
    }
    return undefined;
  })().catch(ConnectError.from);
  return { seen, ended };
}

/** A member of the tenant with a token of their own, as the viewer of everything they have. */
async function newMember(login: string): Promise<string> {
  const { db, clock } = platform.platform;
  await principalStore.ensureUser(db, login, clock());
  await tenantStore.setMember(db, platform.tenant, login, "viewer", clock());
  return platform.token({ owner: login, projectRoles: { "*": "viewer" }, tenantRoles: {}, adminRole: null });
}

const tokenId = (jwt: string): string => JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()).jti;

describe.each(transports)("an open watch, %s", (_, open) => {
  const name = () => `w${Math.random().toString(36).slice(2, 8)}`;
  const create = () =>
    platform.client(ClusterService).create({ project: platform.project, name: name() }, as(platform.tokens.owner));

  it("ends when its token is revoked, and others go on", async () => {
    const token = await newMember(name());
    const other = watch(await newMember(name()), open);
    const mine = watch(token, open);
    await create();
    await vi.waitFor(() => expect(mine.seen.length * other.seen.length).toBeGreaterThan(0));
    await platform.client(TokenService).revoke({ uuid: tokenId(token) }, as(token));
    expect(await mine.ended).toMatchObject({ code: Code.Unauthenticated });
    const before = other.seen.length;
    await create();
    await vi.waitFor(() => expect(other.seen.length).toBeGreaterThan(before));
  });

  it("ends when its caller loses the role", async () => {
    const login = name();
    const mine = watch(await newMember(login), open);
    await create();
    await vi.waitFor(() => expect(mine.seen.length).toBeGreaterThan(0));
    const { db, clock } = platform.platform;
    await tenantStore.setMember(db, platform.tenant, login, "guest", clock());
    expect(await mine.ended).toMatchObject({ code: Code.PermissionDenied });
  });

  it("ends when its token expires", async () => {
    const token = await newMember(name());
    // The row's end is what counts first; the JWT itself lives on.
    await platform.platform.db
      .update(tokens)
      .set({ expiresAt: new Date(Date.now() + 1_500) })
      .where(eq(tokens.id, tokenId(token)));
    expect(await watch(token, open).ended).toMatchObject({ code: Code.Unauthenticated });
  });
});
