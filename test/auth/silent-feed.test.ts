import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { removeSigningKey } from "../../src/auth/remove-signing-key.js";
import { addSigningKey } from "../../src/auth/signing-keys.js";
import type { DatabaseServer } from "../../src/db/database.js";
import { openWire, type Wire } from "../faults/support/wire.js";
import { codeOf } from "../resources/support/refusals.js";
import { needsPostgres, openAgain, postgresUrl } from "../support/database.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../support/platform.js";
import { type SecondServer, startSecond } from "./support/second.js";

if (postgresUrl === undefined) console.warn(`the test of a silent change feed ${needsPostgres}`);

const maxFeedSilenceMs = 2_000;
/** Generous: that it happens is what counts. */
const patience = { timeout: 15_000, interval: 50 };

describe.skipIf(postgresUrl === undefined)(
  `a server that hears nothing (${needsPostgres})`,
  { timeout: 40_000 },
  () => {
    let platform: TestPlatform;
    let feedWire: Wire;
    let poolWire: Wire;
    let server: DatabaseServer;
    let listening: DatabaseServer;
    let deaf: SecondServer;
    let tenant: TestTenant;

    beforeAll(async () => {
      platform = await startPlatform({ background: false });
      const url = new URL(platform.database.url ?? "");
      feedWire = await openWire(Number(url.port || 5432));
      poolWire = await openWire(Number(url.port || 5432));
      const through = (wire: Wire) => {
        const way = new URL(url);
        way.port = String(wire.port);
        return openAgain(way.toString());
      };
      server = through(poolWire);
      listening = through(feedWire);
      // The feed alone takes its own way: it can be cut off while the database answers.
      deaf = await startSecond(platform, {
        maxFeedSilenceMs,
        server: { ...server, connect: (options) => listening.connect(options) },
      });
    });
    beforeEach(async () => {
      tenant = await platform.newTenant();
      expect(await list()).toBe("OK");
    });
    afterEach(async () => {
      await Promise.all([feedWire.restore(), poolWire.restore()]);
      await expect.poll(() => silence(), patience).toBeLessThan(maxFeedSilenceMs / 2);
    });
    afterAll(async () => {
      await deaf?.close();
      await Promise.all([server?.close(), listening?.close()]);
      await Promise.all([feedWire?.close(), poolWire?.close()]);
      await platform?.close();
    });

    const silence = () => Date.now() - deaf.open.platform.feed.status().lastReadAt.getTime();
    const list = () => deaf.list(tenant.tokens.viewer, tenant.project);
    const revoke = (token: string) => {
      const { jti } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
      return platform.client(TokenService).revoke({ uuid: jti }, as(token));
    };
    /** Watches through the deaf server; resolves when the watch is open to how it ends. */
    async function watch(): Promise<{ readonly ended: Promise<string> }> {
      const client = platform.client(ClusterService, deaf.transport);
      const { cluster } = await platform
        .client(ClusterService)
        .create(
          { project: tenant.project, name: `w${Math.random().toString(36).slice(2, 8)}` },
          as(tenant.tokens.owner),
        );
      const options = { ...as(tenant.tokens.viewer), timeoutMs: 30_000 };
      const stream = client.watchStatus({ project: tenant.project, uuid: cluster?.uuid ?? "" }, options);
      const messages = stream[Symbol.asyncIterator]();
      await messages.next();
      const rest = async () => {
        while (!(await messages.next()).done);
      };
      return { ended: codeOf(rest()) };
    }

    it("denies what was revoked meanwhile: calls and streams", async () => {
      const { ended } = await watch();
      feedWire.freeze();
      await revoke(tenant.tokens.viewer);
      await expect.poll(list, patience).toBe("Unauthenticated");
      expect(await ended).toBe("Unauthenticated");
      // Whoever keeps the right keeps it.
      expect(await deaf.list(tenant.tokens.owner, tenant.project)).toBe("OK");
    });

    it("does so, too, when its connection ends again and again", async () => {
      await feedWire.cut();
      await revoke(tenant.tokens.viewer);
      await expect.poll(list, patience).toBe("Unauthenticated");
    });

    it("leaves the streams of those who keep the right alone", async () => {
      const { ended } = await watch();
      feedWire.freeze();
      await expect.poll(() => silence(), patience).toBeGreaterThan(2 * maxFeedSilenceMs);
      expect(await Promise.race([ended, Promise.resolve("open")])).toBe("open");
      await revoke(tenant.tokens.viewer);
      expect(await ended).toBe("Unauthenticated");
    });

    it("forgets keys that were removed meanwhile", async () => {
      const { db, keyring } = platform.platform;
      const kid = await addSigningKey(db, keyring, new Date());
      const token = () =>
        platform.token({ owner: tenant.tenant, projectRoles: { "*": "viewer" }, tenantRoles: {}, adminRole: null });
      const kidOf = (secret: string) => JSON.parse(Buffer.from(secret.split(".")[0] ?? "", "base64url").toString()).kid;
      await expect.poll(async () => kidOf(await token()), patience).toBe(kid);
      const secret = await token();
      expect(await deaf.list(secret, tenant.project)).toBe("OK");
      feedWire.freeze();
      await addSigningKey(db, keyring, new Date());
      await removeSigningKey(db, kid, new Date(), true);
      await expect.poll(() => deaf.list(secret, tenant.project), patience).toBe("Unauthenticated");
    });

    it("fails closed when the database does not answer either: calls and streams are UNAVAILABLE", async () => {
      const { ended } = await watch();
      feedWire.freeze();
      poolWire.freeze();
      expect(await ended).toBe("Unavailable");
      expect(await list()).toBe("Unavailable");
      await Promise.all([feedWire.restore(), poolWire.restore()]);
      await expect.poll(list, patience).toBe("OK");
    });
  },
);
