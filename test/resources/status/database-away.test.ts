import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { HealthService, ServiceStatus } from "../../../gen/ts/api/v1/health_pb.js";
import { MessageService } from "../../../gen/ts/status/v1/message_pb.js";
import { StatusService } from "../../../gen/ts/status/v1/status_pb.js";
import { openSite, type Site, type TestServer, transportTo } from "../../faults/support/site.js";
import { openWire, type Wire } from "../../faults/support/wire.js";
import { needsPostgres, postgresUrl } from "../../support/database.js";

if (postgresUrl === undefined) console.warn(`the test of watchers without a database ${needsPostgres}`);

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 50 });

describe.skipIf(postgresUrl === undefined)(`status without a database (${needsPostgres})`, { timeout: 60_000 }, () => {
  let site: Site;
  let wire: Wire;
  let server: TestServer;

  beforeAll(async () => {
    site = await openSite({ timeScale: 50 });
    const url = new URL(site.env.DATABASE_URL ?? "");
    wire = await openWire(Number(url.port || 5432));
    url.port = String(wire.port);
    // Its worker keeps its own way to the database: what is lost is the server's sight of it.
    server = await site.serve({ DATABASE_URL: url.toString(), SLIPWAY_MAX_FEED_SILENCE_SECONDS: "6" });
    await site.work();
  });
  afterAll(async () => {
    await site?.close();
    await wire?.close();
  });

  it("a server that could not read it yet says so, and shows no emptiness", async () => {
    const client = await site.database.server.connect({ name: "lock" });
    await client.query("begin");
    await client.query("lock table probe_states, notices in access exclusive mode");
    const { url } = await site.serve();
    const status = createClient(StatusService, transportTo(url));
    const messages = createClient(MessageService, transportTo(url));
    const ask = () =>
      Promise.all(
        [
          status.get({}),
          createClient(HealthService, transportTo(url)).get({}),
          messages.list({}),
          status.watch({})[Symbol.asyncIterator]().next(),
          messages.watch({})[Symbol.asyncIterator]().next(),
        ].map((answer: Promise<unknown>) =>
          answer.then(
            () => "OK",
            (error) => Code[ConnectError.from(error).code],
          ),
        ),
      );
    expect(await ask()).toEqual(Array(5).fill("Unavailable"));
    await client.query("rollback");
    await client.end();
    await until(async () => expect(await ask()).toEqual(Array(5).fill("OK")));
  });

  it("watchers stay, are told that the connection is broken, and then that it is back", async () => {
    const stop = new AbortController();
    const told: (readonly [broken: boolean, overall: ServiceStatus])[] = [];
    const status = createClient(StatusService, transportTo(server.url));
    const ended = (async () => {
      for await (const { connectionBroken, overallStatus } of status.watch({}, { signal: stop.signal })) {
        told.push([connectionBroken, overallStatus]);
      }
    })().catch(() => stop.signal.aborted);
    await until(() => expect(told.at(-1)).toEqual([false, ServiceStatus.HEALTHY]));
    for (const breakIt of [() => wire.cut(), async () => wire.freeze()]) {
      await breakIt();
      // The rest is the last known state.
      await until(() => expect(told.at(-1)).toEqual([true, ServiceStatus.HEALTHY]));
      expect(await status.get({})).toMatchObject({ connectionBroken: true });
      expect((await createClient(HealthService, transportTo(server.url)).get({})).health?.services).toMatchObject(
        Array(3).fill({
          status: ServiceStatus.UNHEALTHY,
          message: "the platform cannot reach its database",
          partitions: { "eqx-mu4": { status: ServiceStatus.UNHEALTHY } },
        }),
      );
      expect(await createClient(MessageService, transportTo(server.url)).list({})).toMatchObject({ items: [] });
      await wire.restore();
      await until(() => expect(told.at(-1)).toEqual([false, ServiceStatus.HEALTHY]));
    }
    // Still the stream of the beginning.
    expect(told.filter(([broken]) => broken)).toHaveLength(2);
    stop.abort();
    expect(await ended).toBe(true);
  });
});
