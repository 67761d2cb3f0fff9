import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Slipway } from "../../../clients/ts/src/options.js";
import { type Problem, problemOf } from "../../../clients/ts/src/problem.js";
import { type OpenStream, type WatchOptions, watch } from "../../../clients/ts/src/watch.js";
import { ClusterService } from "../../../gen/ts/api/v1/cluster_pb.js";
import { TokenService } from "../../../gen/ts/api/v1/token_pb.js";
import { DeploymentService, type DeploymentServiceWatchResponse } from "../../../gen/ts/deploy/v1/deployment_pb.js";
import { AuthService } from "../../../gen/ts/iam/v1/auth_pb.js";
import { openWire, type Wire } from "../../faults/support/wire.js";
import { deploymentsOf } from "../../resources/deploy/deployment/deployments.js";
import { clustersOf } from "../../resources/support/clusters.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../support/platform.js";
import { entries } from "./support/entries.js";

let platform: TestPlatform;
let wire: Wire;
beforeAll(async () => {
  platform = await startPlatform();
  wire = await openWire(Number(new URL(platform.url).port));
});
afterAll(async () => {
  await wire.close();
  await platform.close();
});

const eventually = { timeout: 45_000, interval: 20 };
const quick = { backoff: { initialMs: 20, maxMs: 200 } };
const wired = () => `http://127.0.0.1:${wire.port}`;

/** Reads a watch to its end, and keeps what it said. */
function follow<Res, T>(open: OpenStream<Res>, pick: (message: Res) => T, options: WatchOptions = {}) {
  const stop = new AbortController();
  const seen: T[] = [];
  const states: string[] = [];
  const onState = (state: string, problem?: Problem) =>
    void states.push(problem === undefined ? state : `${state} ${Code[problem.code]}`);
  const ended = (async () => {
    for await (const message of watch(open, { signal: stop.signal, onState, ...quick, ...options })) {
      seen.push(pick(message));
    }
    return "ended";
  })().catch(problemOf);
  return { seen, states, ended, stop: () => stop.abort() };
}

const deploymentStream =
  (slipway: Slipway, project: string): OpenStream<DeploymentServiceWatchResponse> =>
  (resumeToken, signal) =>
    slipway.client(DeploymentService).watch({ project, resumeToken }, { signal });

describe.each(entries)("a watch ($name)", ({ open }) => {
  const deploymentsIn = async () => {
    const tenant = await platform.newTenant();
    return { tenant, all: await deploymentsOf(platform, tenant) };
  };
  const slipwayOf = (tenant: TestTenant, url = wired()) => open({ url, token: tenant.tokens.owner });

  it("of deployments misses nothing while its connection is cut again and again", async () => {
    const { tenant, all } = await deploymentsIn();
    const names: string[] = [];
    const places: string[] = [];
    const opened: boolean[] = [];
    const stream = deploymentStream(slipwayOf(tenant), tenant.project);
    const watched = follow(
      (resumeToken, signal) => {
        opened.push(resumeToken === (places.at(-1) ?? ""));
        return stream(resumeToken, signal);
      },
      ({ deployment, resumeToken }) => {
        places.push(resumeToken);
        return deployment?.name;
      },
    );
    for (let round = 0; round < 4; round += 1) {
      names.push((await all.create()).deployment?.name ?? "");
      await vi.waitFor(() => expect(watched.seen).toContain(names.at(-1)), eventually);
      await wire.cut();
      for (let at = 0; at < 3; at += 1) names.push((await all.create()).deployment?.name ?? "");
      await wire.restore();
    }
    await vi.waitFor(() => expect(new Set(watched.seen)).toEqual(new Set(names)), eventually);
    expect(watched.states.filter((state) => state === "waiting Unavailable").length).toBeGreaterThanOrEqual(4);
    expect(watched.states.at(-1)).toBe("live");
    expect(places.length).toBeGreaterThan(0);
    expect(opened).toEqual(opened.map(() => true));
    watched.stop();
    expect(await watched.ended).toBe("ended");
  }, 240_000);

  it("of clusters begins with the present state after each cut", async () => {
    const clusters = clustersOf(platform, await platform.newTenant());
    const token = new Headers(clusters.owner.headers).get("authorization")?.slice("Bearer ".length) ?? "";
    const client = open({ url: wired(), token }).client(ClusterService);
    const { project } = clusters;
    const watched = follow(
      (_, signal) => client.watchStatus({ project }, { signal }),
      ({ status }) => `${status?.uuid} ${status?.type} ${status?.state}`,
    );
    const { uuid } = await clusters.create();
    await vi.waitFor(() => expect(watched.seen.length).toBeGreaterThan(0), eventually);
    await wire.cut();
    await clusters.succeeded(uuid);
    await wire.restore();
    await vi.waitFor(() => expect(watched.seen).toContain(`${uuid} Create Succeeded`), eventually);
    watched.stop();
    expect(await watched.ended).toBe("ended");
  });

  it("is live before anything is there to tell", async () => {
    const { tenant } = await deploymentsIn();
    const watched = follow(deploymentStream(slipwayOf(tenant), tenant.project), () => "one");
    await vi.waitFor(() => expect(watched.states).toEqual(["connecting", "live"]), eventually);
    watched.stop();
    expect([await watched.ended, watched.seen]).toEqual(["ended", []]);
  });

  it("opens a silent stream again when told to", async () => {
    const { tenant, all } = await deploymentsIn();
    await all.create();
    const options = { silenceMs: 300 };
    const watched = follow(
      deploymentStream(slipwayOf(tenant), tenant.project),
      ({ deployment }) => deployment?.name,
      options,
    );
    await vi.waitFor(() => expect(watched.seen.length).toBeGreaterThan(0), eventually);
    wire.freeze();
    const { deployment } = await all.create();
    await vi.waitFor(() => expect(watched.states).toContain("waiting Unavailable"), eventually);
    await wire.restore();
    await vi.waitFor(() => expect(watched.seen).toContain(deployment?.name), eventually);
    watched.stop();
    await watched.ended;
  });

  it("begins with the present state when the server does not know its resume token, and says so", async () => {
    const { tenant, all } = await deploymentsIn();
    const { deployment } = await all.create();
    const restarts: Problem[] = [];
    const watched = follow(deploymentStream(slipwayOf(tenant), tenant.project), (message) => message.deployment?.name, {
      resumeToken: "of-another-server",
      onRestart: (problem) => void restarts.push(problem),
    });
    await vi.waitFor(() => expect(watched.seen).toEqual([deployment?.name]), eventually);
    expect(restarts.map(({ violations }) => violations[0]?.field)).toEqual(["resume_token"]);
    watched.stop();
    await watched.ended;
  });

  it("ends with an error that trying again does not mend", async () => {
    const { tenant } = await deploymentsIn();
    const denied = follow(deploymentStream(slipwayOf(tenant), platform.project), () => "one");
    expect(await denied.ended).toMatchObject({ code: Code.PermissionDenied });
    const { project } = tenant;
    const deployments = slipwayOf(tenant).client(DeploymentService);
    const invalid = follow(
      (_, signal) => deployments.watch({ project, environment: "no uuid" }, { signal }),
      () => "one",
    );
    expect(await invalid.ended).toMatchObject({ code: Code.InvalidArgument });
    const unknown = follow(deploymentStream(open({ url: wired(), token: "no token" }), tenant.project), () => "one");
    expect(await unknown.ended).toMatchObject({ code: Code.Unauthenticated });
    for (const { states } of [denied, invalid, unknown]) expect(states.join()).not.toContain("waiting");
  });

  it("goes on with a new token when its own has ended", async () => {
    const { tenant, all } = await deploymentsIn();
    await all.create();
    const grant = { owner: tenant.tenant, projectRoles: { "*": "owner" }, tenantRoles: {}, adminRole: null } as const;
    const short = await platform.token(grant);
    const slipway = open({ url: wired(), token: short, renew: async () => tenant.tokens.owner });
    const watched = follow(deploymentStream(slipway, tenant.project), ({ deployment }) => deployment?.name);
    await vi.waitFor(() => expect(watched.seen.length).toBe(1), eventually);
    const { tokenId } = await platform.client(AuthService).whoAmI({}, as(short));
    await platform.client(TokenService).revoke({ uuid: tokenId }, as(short));
    await vi.waitFor(() => expect(watched.states).toContain("waiting Unauthenticated"), eventually);
    const { deployment } = await all.create();
    await vi.waitFor(() => expect(watched.seen).toContain(deployment?.name), eventually);
    watched.stop();
    expect(await watched.ended).toBe("ended");
  });

  it("reads on only when the last message is done with", async () => {
    const { tenant, all } = await deploymentsIn();
    for (let at = 0; at < 3; at += 1) await all.create();
    let taken = 0;
    const counted: OpenStream<unknown> = async function* (...call) {
      for await (const message of deploymentStream(slipwayOf(tenant, platform.url), tenant.project)(...call)) {
        taken += 1;
        yield message;
      }
    };
    for await (const _ of watch(counted)) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(taken).toBe(1);
      break;
    }
  });

  it("closes its stream when its reader leaves or its signal aborts", async () => {
    const { tenant, all } = await deploymentsIn();
    await all.create();
    const signals: AbortSignal[] = [];
    const noted: OpenStream<unknown> = (resumeToken, signal) => {
      signals.push(signal);
      return deploymentStream(slipwayOf(tenant), tenant.project)(resumeToken, signal);
    };
    for await (const _ of watch(noted)) break;
    const stop = new AbortController();
    for await (const _ of watch(noted, { signal: stop.signal })) stop.abort();
    for await (const _ of watch(noted, { signal: stop.signal })) expect.fail("it was aborted before");
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});

describe("a watch", () => {
  it("ends when the server ends its stream", async () => {
    const watched = follow(
      async function* () {
        yield 1;
        yield 2;
      },
      (message) => message,
    );
    expect([await watched.ended, watched.seen, watched.states]).toEqual(["ended", [1, 2], ["connecting", "live"]]);
  });

  it("waits longer after each failure, and comes back when it is told to", async () => {
    const waits: number[] = [];
    vi.spyOn(Math, "random").mockReturnValue(1);
    const timer = vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, ms: number) => {
      // Two seconds are those after which a stream that does not fail counts as live.
      if (ms !== 2_000) queueMicrotask(run);
      if (ms !== 2_000) waits.push(ms);
      return 0;
    }) as never);
    try {
      let opened = 0;
      const watched = follow(
        async function* () {
          opened += 1;
          const told = opened === 3 ? { "retry-after": "7" } : undefined;
          if (opened < 8) throw new ConnectError("away", Code.Unavailable, told);
          yield "back";
        },
        (message) => message,
        { backoff: {} },
      );
      expect([await watched.ended, watched.seen]).toEqual(["ended", ["back"]]);
      expect(waits).toEqual([500, 1_000, 9_000, 4_000, 8_000, 15_000, 15_000]);
    } finally {
      timer.mockRestore();
      vi.restoreAllMocks();
    }
  });
});
