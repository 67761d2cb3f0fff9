import { Code, type ConnectError, type Interceptor } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { problemOf } from "../../../clients/ts/src/problem.js";
import { ClusterService } from "../../../gen/ts/api/v1/cluster_pb.js";
import { AuthService } from "../../../gen/ts/iam/v1/auth_pb.js";
import { newName } from "../../resources/support/clusters.js";
import { startPlatform, type TestPlatform } from "../../support/platform.js";
import { entries } from "./support/entries.js";
import { openOutages } from "./support/outages.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail("it went well"),
    (error: unknown) => error,
  );

describe.each(entries)("a client ($name)", ({ open, http }) => {
  const slipway = (more: object = {}) => open({ url: platform.url, token: platform.tokens.owner, ...more });

  it("calls with its token, whether that is a text or a function", async () => {
    const { principal } = await slipway().client(AuthService).whoAmI({});
    expect(principal?.id).toBe(platform.tenant);
    const { owner, viewer } = platform.tokens;
    const turns = [owner, viewer];
    const clusters = slipway({ token: async () => turns.shift() }).client(ClusterService);
    await clusters.create({ project: platform.project, name: newName() });
    const refused = clusters.create({ project: platform.project, name: newName() });
    expect(problemOf(await failureOf(refused)).code).toBe(Code.PermissionDenied);
  });

  it("a token given to one call is used for that call", async () => {
    const { viewer } = platform.tokens;
    const headers = { authorization: `Bearer ${viewer}` };
    const refused = slipway()
      .client(ClusterService)
      .create({ project: platform.project, name: newName() }, { headers });
    expect(problemOf(await failureOf(refused)).code).toBe(Code.PermissionDenied);
  });

  it("tells which fields are wrong", async () => {
    const clusters = slipway().client(ClusterService);
    const request = { project: platform.project, name: "x", workers: [{ name: "", machineType: "", maxsize: 99 }] };
    const problem = problemOf(await failureOf(clusters.create(request)));
    expect(problem.code).toBe(Code.InvalidArgument);
    const fields = problem.violations.map(({ field }) => field);
    expect(fields).toEqual(
      expect.arrayContaining(["workers[0].name", "workers[0].machine_type", "workers[0].maxsize"]),
    );
    expect(problem.violations.find(({ field }) => field === "workers[0].maxsize")?.message).toMatch(/64/);
  });

  it("passes the caller's interceptors once, before the token is there", async () => {
    const outages = await openOutages(platform.url, http);
    const seen: (string | null)[] = [];
    const spy: Interceptor = (next) => (req) => {
      seen.push(req.header.get("authorization"));
      return next(req);
    };
    const auth = slipway({ url: outages.url, interceptors: [spy] }).client(AuthService);
    outages.fail(2);
    expect((await auth.whoAmI({})).principal?.id).toBe(platform.tenant);
    expect(seen).toEqual([null]);
    expect(outages.calls()).toBe(3);
    await outages.close();
  });

  it("tries reads four times, and writes once", async () => {
    const outages = await openOutages(platform.url, http);
    const clusters = slipway({ url: outages.url }).client(ClusterService);
    outages.fail(3);
    await clusters.list({ project: platform.project });
    expect(outages.calls()).toBe(4);
    outages.fail(9);
    expect(problemOf(await failureOf(clusters.list({ project: platform.project })))).toMatchObject({
      code: Code.Unavailable,
      message: expect.stringContaining("away for a while"),
    });
    expect(outages.calls()).toBe(4);
    outages.fail(1);
    const created = clusters.create({ project: platform.project, name: newName() });
    expect(problemOf(await failureOf(created)).code).toBe(Code.Unavailable);
    expect(outages.calls()).toBe(1);
    await outages.close();
  });

  it("comes back when it is told to, unless that is too late", async () => {
    const outages = await openOutages(platform.url, http);
    const auth = slipway({ url: outages.url }).client(AuthService);
    outages.fail(1, 1);
    const begun = performance.now();
    await auth.whoAmI({});
    expect(performance.now() - begun).toBeGreaterThan(990);
    outages.fail(1, 3_600);
    expect(problemOf(await failureOf(auth.whoAmI({})))).toMatchObject({
      code: Code.Unavailable,
      retryAfterMs: 3_600_000,
    });
    expect(outages.calls()).toBe(1);
    await outages.close();
  });

  it("gives a call no more than its time, with its retries", async () => {
    const outages = await openOutages(platform.url, http);
    outages.fail(9, 20);
    const auth = slipway({ url: outages.url, timeoutMs: 300 }).client(AuthService);
    expect(problemOf(await failureOf(auth.whoAmI({}))).code).toBe(Code.DeadlineExceeded);
    expect(outages.calls()).toBe(1);
    await outages.close();
  });

  it("ends a call when its caller gives up", async () => {
    const outages = await openOutages(platform.url, http);
    outages.fail(9, 20);
    const giveUp = new AbortController();
    const call = failureOf(slipway({ url: outages.url }).client(AuthService).whoAmI({}, { signal: giveUp.signal }));
    giveUp.abort();
    expect(problemOf(await call).code).toBe(Code.Canceled);
    await outages.close();
  });

  it("says what it cannot reach, and why", async () => {
    const outages = await openOutages(platform.url, http);
    await outages.close();
    const error = await failureOf(slipway({ url: outages.url }).client(ClusterService).create({}));
    expect(problemOf(error)).toEqual({
      code: Code.Unavailable,
      message: `cannot reach ${outages.url}: connection refused`,
      violations: [],
    });
    expect((error as ConnectError).cause).toBeInstanceOf(Error);
  });
});
