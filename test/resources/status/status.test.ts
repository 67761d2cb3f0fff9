import { setMaxListeners } from "node:events";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { HealthService, Service, ServiceStatus } from "../../../gen/ts/api/v1/health_pb.js";
import { NoticeService } from "../../../gen/ts/infra/v1/notice_pb.js";
import { MessageKind, MessageService, type MessageServiceWatchResponse } from "../../../gen/ts/status/v1/message_pb.js";
import { StatusService, type StatusServiceWatchResponse } from "../../../gen/ts/status/v1/status_pb.js";
import { probeStore } from "../../../src/resources/api/health/store.js";
import { as, startPlatform, type TestPlatform } from "../../support/platform.js";

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 20 });

let platform: TestPlatform;
let stop: AbortController;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());
beforeEach(() => {
  stop = new AbortController();
  setMaxListeners(0, stop.signal);
});
afterEach(() => stop.abort());

const transports: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
  "gRPC-Web": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect with JSON": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
};
const grpc = () => createGrpcTransport({ baseUrl: platform.url });

/** Keeps what a stream without a token tells. */
function collect<T>(stream: AsyncIterable<T>): T[] {
  const told: T[] = [];
  void (async () => {
    for await (const message of stream) told.push(message);
  })().catch(() => {});
  return told;
}
const watchMessages = (transport = grpc()): MessageServiceWatchResponse[] =>
  collect(createClient(MessageService, transport).watch({}, { signal: stop.signal }));
const watchStatus = (transport = grpc()): StatusServiceWatchResponse[] =>
  collect(createClient(StatusService, transport).watch({}, { signal: stop.signal }));

/** Writes what a worker would. */
const report = (status: "healthy" | "degraded" | "unhealthy", message = "") => {
  const observedAt = platform.platform.clock();
  const state = { status, message, streak: 0, observedAt };
  const others = ["storage", "machines"].map((probe) => ({ probe, partition: "eqx-mu4" }));
  const global = ["database", "changes", "jobs"].map((probe) => ({ probe, partition: "" }));
  const healthy = { status: "healthy", message: "", streak: 0, observedAt } as const;
  return probeStore.put(platform.platform.db, [
    { probe: "kubernetes", partition: "eqx-mu4", ...state },
    ...[...others, ...global].map((one) => ({ ...one, ...healthy })),
  ]);
};

describe("the status of the platform", () => {
  it("is told to everybody, with the worst state and the version [metalstack.status.v1.StatusService.Get]", async () => {
    const status = () => platform.client(StatusService).get({});
    await report("healthy");
    await until(async () => expect((await status()).overallStatus).toBe(ServiceStatus.HEALTHY));
    const told = await status();
    expect(told).toMatchObject({ connectionBroken: false, apiVersion: platform.platform.build.version });
    expect(told.health).toEqual((await platform.client(HealthService).get({})).health);
    await report("degraded", "its Kubernetes cannot be reached");
    await until(async () => expect((await status()).overallStatus).toBe(ServiceStatus.DEGRADED));
    expect((await status()).health?.services).toMatchObject([
      { name: Service.CLUSTER, message: "changes wait until they can be carried out in eqx-mu4" },
      { name: Service.VOLUME, status: ServiceStatus.HEALTHY },
      { name: Service.MACHINES, status: ServiceStatus.HEALTHY },
    ]);
  });

  it.each(Object.entries(transports))("is streamed over %s: at once, and then when it changes", async (_, make) => {
    await report("healthy");
    await until(async () =>
      expect((await platform.client(StatusService).get({})).overallStatus).toBe(ServiceStatus.HEALTHY),
    );
    const told = watchStatus(make(platform.url));
    await until(() => expect(told).toHaveLength(1));
    await report("degraded", "away");
    await until(() => expect(told).toHaveLength(2));
    // The same again, by another beat of the worker, is no news.
    await report("degraded", "away");
    await report("healthy");
    await until(() => expect(told).toHaveLength(3));
    expect(told.map(({ overallStatus }) => overallStatus)).toEqual([
      ServiceStatus.HEALTHY,
      ServiceStatus.DEGRADED,
      ServiceStatus.HEALTHY,
    ]);
    expect(told[1]?.health?.services[0]?.partitions["eqx-mu4"]).toMatchObject({ message: "away" });
  });
});

describe("messages", () => {
  it("are seen by a watcher without a token, step by step", async () => {
    const notices = platform.client(NoticeService);
    const admin = as(platform.adminToken);
    const told = watchMessages();
    const steps = async (count: number, change: () => Promise<unknown>) => {
      await change();
      await until(() => expect(told).toHaveLength(count));
    };
    await until(() => expect(told).toHaveLength(1));
    let id = "";
    await steps(2, async () => {
      const { message } = await notices.post({ text: "it is broken", kind: MessageKind.INCIDENT }, admin);
      id = message?.id ?? "";
    });
    await steps(3, () => notices.pin({ id, pinned: true }, admin));
    await steps(4, () => notices.reply({ id, text: "we know why" }, admin));
    await steps(5, () => notices.resolve({ id, text: "it works" }, admin));
    await steps(6, () => notices.delete({ id }, admin));
    const shown = ({ items, pinnedItems }: MessageServiceWatchResponse) => [
      items.map(({ replies }) => replies.map(({ text }) => text)),
      pinnedItems.map(({ replies }) => replies.map(({ text }) => text)),
    ];
    expect(told.map(shown)).toEqual([
      [[], []],
      [[[]], []],
      [[], [[]]],
      [[], [["we know why"]]],
      [[["we know why", "it works"]], []],
      [[], []],
    ]);
  });
});

describe("anonymous load", () => {
  it("no call causes a query [metalstack.api.v1.HealthService.Get] [tsuru.healthcheck]", async () => {
    await report("healthy");
    const health = platform.client(HealthService);
    const status = platform.client(StatusService);
    const messages = platform.client(MessageService);
    await until(async () => expect((await status.get({})).overallStatus).toBe(ServiceStatus.HEALTHY));
    const { pool } = platform.database.server;
    const queries = vi.spyOn(pool, "query");
    // What is asked beside the calls: whether the database answers, the audit log, and the last use of tokens.
    const asked = () =>
      queries.mock.calls.map(([query]) => textOf(query)).filter((text) => !/^select 1$|audit_/.test(text));
    try {
      const streams = [
        ...Array.from({ length: 50 }, () => watchStatus()),
        ...Array.from({ length: 50 }, () => watchMessages()),
      ];
      for (let i = 0; i < 200; i++) {
        expect((await health.get({})).health?.services).toHaveLength(3);
        if (i % 10 === 0) await Promise.all([status.get({}), messages.list({})]);
      }
      await until(() => expect(streams.every((told) => told.length === 1)).toBe(true));
      expect(asked()).toEqual([]);
      await probeStore.beat(platform.platform.db, platform.platform.newId(), platform.platform.clock());
      await report("unhealthy", "worse");
      await until(() => expect(streams.slice(0, 50).every((told) => told.length === 2)).toBe(true));
      // Two writes and a read of the test, and the reads of two changes for all of them.
      const reads = asked().filter((text) => text.startsWith("select") && !text.includes("where"));
      expect(reads.length).toBeGreaterThanOrEqual(1);
      expect(reads.length).toBeLessThanOrEqual(3);
    } finally {
      queries.mockRestore();
    }
  });
});

const textOf = (query: unknown): string =>
  typeof query === "string" ? query : ((query as { readonly text?: string }).text ?? "");
