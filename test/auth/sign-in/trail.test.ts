import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { signInRoutes } from "../../../src/auth/sign-in/routes.js";
import { type MetricsServer, startMetricsServer } from "../../../src/processes/metrics-server.js";
import { auditEntries } from "../../../src/resources/api/audit/table.js";
import { loginAttempts } from "../../../src/resources/iam/auth/table.js";
import { type Browser, newBrowser } from "./support/browser.js";
import { loopback, type SignInSite, startSite } from "./support/site.js";

let metrics: MetricsServer;
let site: SignInSite;
beforeAll(async () => {
  metrics = await startMetricsServer({ host: "127.0.0.1", port: 0 });
  site = await startSite();
});
afterAll(async () => {
  await site.close();
  await metrics.close();
});

let requests = 0;
const records = (requestId: string) =>
  site.platform.platform.db
    .select()
    .from(auditEntries)
    .where(eq(auditEntries.requestId, requestId))
    .orderBy(auditEntries.phase);

/** One request of a browser, and the records that it leaves. */
async function traceOf(
  path: string,
  { browser = newBrowser(), headers = {} }: { browser?: Browser; headers?: Record<string, string> } = {},
) {
  const id = `traced-${++requests}`;
  const url = path.startsWith("http") ? path : `${site.platform.url}${path}`;
  const answer = await browser.get(url, { headers: { ...headers, "x-request-id": id, "user-agent": "reader" } });
  await vi.waitFor(async () => expect(await records(id)).toHaveLength(2));
  const [request, response] = await records(id);
  expect(request).toMatchObject({ phase: "request", user: null, code: null, id: response?.id });
  expect(response).toMatchObject({ phase: "response", sourceIp: "127.0.0.1", userAgent: "reader", tenant: null });
  expect(request?.method).toBe(response?.method);
  return { answer, response, text: JSON.stringify([request, response]) };
}

/** Goes on from the begin of a sign-in to the URL by which the browser comes back. */
async function callbackOf(browser: Browser, subject: string): Promise<string> {
  site.idp.subject = subject;
  const first = await browser.get(`${site.platform.url}/auth/oidc?redirect-url=${loopback}`);
  const back = `${site.platform.url}/auth/oidc/callback`;
  return (await browser.follow(first.headers.get("location") ?? "", back)).href;
}

describe("signing in and out over plain HTTP leaves a trace", () => {
  it("of who came, from where, and how it ended, without any secret", async () => {
    site.idp.accounts.set("traced", { nickname: "traced" });
    const begun = await traceOf(`/auth/oidc?redirect-url=${loopback}`);
    expect(begun.response).toMatchObject({ method: "/auth/{provider}", code: 0, user: null });
    expect(JSON.parse(begun.response?.body ?? "")).toEqual({ provider: "oidc" });
    const browser = newBrowser();
    const callback = await callbackOf(browser, "traced");
    const done = await traceOf(callback, { browser });
    expect(done.answer.status).toBe(303);
    expect(done.response).toMatchObject({ method: "/auth/{provider}/callback", code: 0, user: "traced@oidc" });
    const token = new URL(done.answer.headers.get("location") ?? "").searchParams.get("token") ?? "";
    const headers = { authorization: `Bearer ${token}` };
    const out = await traceOf("/auth/logout/oidc", { headers });
    expect(out.response).toMatchObject({ method: "/auth/logout/{provider}", code: 0, user: "traced@oidc" });
    const again = await traceOf("/auth/logout/oidc", { headers });
    expect(again.response).toMatchObject({ code: 16, user: "traced@oidc" });
    const { searchParams } = new URL(callback);
    for (const secret of [token, searchParams.get("state") ?? "", searchParams.get("code") ?? ""]) {
      expect(secret).not.toBe("");
      for (const { text } of [begun, done, out, again]) expect(text).not.toContain(secret);
    }
  });

  it("also when it is refused, whatever is asked for", async () => {
    site.idp.accounts.set("put-out", { nickname: "put-out" });
    await site.tokenOf("oidc", "put-out");
    await site.platform.database.server.pool.query("update principals set enabled = false where id = 'put-out@oidc'");
    const browser = newBrowser();
    const disabled = await traceOf(await callbackOf(browser, "put-out"), { browser });
    expect([disabled.answer.status, disabled.response?.code]).toEqual([401, 16]);
    for (const [path, status, code] of [
      ["/auth/oidc/callback?code=x&state=made-up", 401, 16],
      ["/auth/oidc/callback", 400, 3],
      ["/auth/oidc?redirect-url=https://evil.example.com", 400, 3],
      [`/auth/gone?redirect-url=${loopback}`, 502, 14],
      [`/auth/no%00body?redirect-url=${loopback}`, 404, 5],
      ["/auth/logout/oidc", 401, 16],
    ] as const) {
      const { answer, response } = await traceOf(path);
      expect([path, answer.status, response?.code, response?.user]).toEqual([path, status, code, null]);
    }
  });

  it("and does not happen where it cannot", async () => {
    const write = vi.fn(() => Promise.reject(new Error("the disk is full")));
    const { platform } = site.platform;
    const routes = signInRoutes(platform, write);
    const attempts = () => platform.db.$count(loginAttempts);
    const before = await attempts();
    const begin = routes.find(({ path }) => path === "/auth/{provider}");
    const rawQuery = `redirect-url=${loopback}`;
    const answer = await begin?.handle({
      method: "GET",
      params: { provider: "oidc" },
      query: new URLSearchParams(rawQuery),
      rawQuery,
      headers: {},
      origin: {
        trace: { requestId: "r", traceId: "t", spanId: "s", sampled: false },
        peer: { address: "192.0.2.1", userAgent: "" },
      },
      body: () => Promise.resolve(Buffer.of()),
    });
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1", "cache-control": "no-store" } });
    expect(await attempts()).toBe(before);
    expect(write).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["request", 503],
    ["response", 302],
  ] as const)("and a lost record of a %s is counted", async (phase, status) => {
    const { db } = site.platform.platform;
    const before = await lostRecords();
    await db.execute(sql`
      create or replace function refuse() returns trigger language plpgsql as $$
      begin raise exception 'no room'; end $$`);
    await db.execute(sql`
      create trigger refuse before insert on audit_entries for each row
      when (new.phase = ${sql.raw(`'${phase}'`)}) execute function refuse()`);
    try {
      const answer = await newBrowser().get(`${site.platform.url}/auth/oidc?redirect-url=${loopback}`);
      expect(answer.status).toBe(status);
      await vi.waitFor(async () => expect(await lostRecords()).toBe(before + 1), { timeout: 10_000 });
    } finally {
      await db.execute(sql`drop trigger refuse on audit_entries`);
    }
  });
});

/** How many lost records /metrics tells of. */
async function lostRecords(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metrics.port}/metrics`)).text();
  return Number(/^audit_write_failures_total\S* (\d+)/m.exec(text)?.[1] ?? 0);
}
