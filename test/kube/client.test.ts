import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { openKube } from "../../src/kube/client.js";
import { conflict, expired, type KubeError, notFound, transient, unprocessable } from "../../src/kube/errors.js";
import { secrets } from "../../src/kube/objects.js";
import { openStub, sendJson, sendStatus, stubKubeconfig } from "./stub-server.js";

const log = pino({ enabled: false });
const widgets = { group: "test.example", version: "v1", plural: "widgets", kind: "Widget" };
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function stubbed(answer: Parameters<typeof openStub>[0], timeoutMs = 5000) {
  const stub = await openStub(answer);
  const client = openKube({ kubeconfig: stub.kubeconfig, log, timeoutMs });
  open.push(client, stub);
  return { stub, client };
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable("the call should have failed"),
    (error: unknown) => error as KubeError,
  );

describe("requests", () => {
  test("carry path, query, content type, credentials and body, over one kept-alive connection", async () => {
    const { stub, client } = await stubbed((_, response) => sendJson(response, 200, { metadata: { name: "a" } }));
    const place = { namespace: "n s", name: "a" };
    await client.get(widgets, place);
    await client.apply(widgets, { metadata: place });
    await client.mergePatch(widgets, place, { metadata: { labels: { a: null } } });
    await client.delete(secrets, place, { uid: "u1" });
    await client.createSubresource(widgets, place, "token", { spec: {} });
    const lines = stub.seen.map(({ method, path, query }) => `${method} ${path}?${query}`);
    expect(lines).toEqual([
      "GET /apis/test.example/v1/namespaces/n%20s/widgets/a?",
      "PATCH /apis/test.example/v1/namespaces/n%20s/widgets/a?fieldManager=slipway&force=true",
      "PATCH /apis/test.example/v1/namespaces/n%20s/widgets/a?fieldManager=slipway",
      "DELETE /api/v1/namespaces/n%20s/secrets/a?",
      "POST /apis/test.example/v1/namespaces/n%20s/widgets/a/token?fieldManager=slipway",
    ]);
    expect(stub.seen.map(({ headers }) => headers["content-type"])).toEqual([
      undefined,
      "application/apply-patch+yaml",
      "application/merge-patch+json",
      "application/json",
      "application/json",
    ]);
    expect(JSON.parse(stub.seen[1]!.body)).toEqual({ apiVersion: "test.example/v1", kind: "Widget", metadata: place });
    expect(JSON.parse(stub.seen[3]!.body).preconditions).toEqual({ uid: "u1" });
    expect(new Set(stub.seen.map(({ headers }) => headers.authorization))).toEqual(new Set(["Bearer stub-token"]));
    expect(stub.connections()).toBe(1);
  });

  test("keep the path of the server's URL", async () => {
    const { stub } = await stubbed((_, response) => sendJson(response, 200, { metadata: { name: "a" } }));
    const kubeconfig = stub.kubeconfig.replace(/(http:[^"]+)"/, '$1/clusters/demo/"');
    const client = openKube({ kubeconfig, log });
    open.push(client);
    await client.get(secrets, { namespace: "x", name: "a" });
    expect(stub.seen[0]!.path).toBe("/clusters/demo/api/v1/namespaces/x/secrets/a");
  });

  test("read a kubeconfig from a file, also one that appears later", async () => {
    const { stub } = await stubbed((_, response) => sendJson(response, 200, { metadata: { name: "a" } }));
    const directory = await mkdtemp(join(tmpdir(), "slipway-kube-"));
    const client = openKube({ kubeconfig: join(directory, "config"), log });
    open.push(client, { close: () => rm(directory, { recursive: true }) });
    expect((await failure(client.get(secrets, { name: "a" }))).kind).toBe("malformed");
    await writeFile(join(directory, "config"), stub.kubeconfig);
    expect((await client.get(secrets, { name: "a" })).metadata.name).toBe("a");
  });

  test("do not quote a kubeconfig that cannot be read", async () => {
    const client = openKube({ kubeconfig: "users: [{token: s3cret\n  : :", log });
    const error = await failure(client.get(secrets, { name: "a" }));
    expect(error.kind).toBe("malformed");
    expect(`${error.message} ${error.stack}`).not.toContain("s3cret");
    expect(error.cause).toBeUndefined();
  });
});

describe("errors", () => {
  test("carry code, reason and causes of a Status", async () => {
    const causes = [{ reason: "FieldValueInvalid", message: "too small", field: "spec.size" }];
    const body = { kind: "Status", message: "widget is invalid", reason: "Invalid", code: 422, details: { causes } };
    const { client } = await stubbed((_, response) => sendJson(response, 422, body));
    const error = await failure(client.get(widgets, { name: "a" }));
    expect(error).toMatchObject({
      kind: "status",
      code: 422,
      reason: "Invalid",
      message: "widget is invalid",
      details: causes,
    });
    expect(unprocessable(error)).toBe(true);
    expect(transient(error)).toBe(false);
  });

  test.each([
    [404, "NotFound", notFound],
    [409, "Conflict", conflict],
    [410, "Expired", expired],
    [500, "InternalError", transient],
  ])("%i is told apart", async (code, reason, predicate) => {
    const { client } = await stubbed((_, response) => sendStatus(response, code, reason));
    expect(predicate(await failure(client.get(widgets, { name: "a" })))).toBe(true);
  });

  test("without a Status say the HTTP code and not the page", async () => {
    const { client } = await stubbed((_, response) => response.writeHead(502).end("<html>proxy key=s3cret</html>"));
    expect(await failure(client.get(widgets, { name: "a" }))).toMatchObject({
      kind: "status",
      code: 502,
      message: "HTTP 502",
    });
  });

  test.each(["<html>welcome</html>", "", "null", '"text"'])("a 200 with %j is malformed", async (text) => {
    const { client } = await stubbed((_, response) => response.writeHead(200).end(text));
    expect((await failure(client.get(widgets, { name: "a" }))).kind).toBe("malformed");
  });

  test("a list without items is malformed", async () => {
    const { client } = await stubbed((_, response) => sendJson(response, 200, { kind: "WidgetList" }));
    expect((await failure(client.list(widgets))).kind).toBe("malformed");
  });

  test("no server, and a server that hangs up, are unreachable", async () => {
    const { client, stub } = await stubbed((_, response) => response.destroy());
    expect((await failure(client.get(widgets, { name: "a" }))).kind).toBe("unreachable");
    await stub.close();
    const error = await failure(client.get(widgets, { name: "a" }));
    expect(error.kind).toBe("unreachable");
    expect(transient(error)).toBe(true);
  });

  test("an answer that breaks off is unreachable", async () => {
    const { client } = await stubbed((_, response) => {
      response.writeHead(200, { "content-length": "1000" }).write("{");
      setTimeout(() => response.destroy(), 10);
    });
    expect((await failure(client.get(widgets, { name: "a" }))).kind).toBe("unreachable");
  });

  test("a server that never answers ends in a timeout, before and after its headers", async () => {
    const { client } = await stubbed((request, response) => {
      if (request.path.endsWith("/slow")) response.writeHead(200).write("{");
    }, 50);
    expect((await failure(client.get(widgets, { name: "mute" }))).kind).toBe("timeout");
    expect((await failure(client.get(widgets, { name: "slow" }))).kind).toBe("timeout");
  });

  test("the caller's own signal ends a call with its own reason", async () => {
    const { client } = await stubbed(() => controller.abort(reason));
    const controller = new AbortController();
    const reason = new Error("shutting down");
    await expect(client.get(widgets, { name: "a" }, { signal: controller.signal })).rejects.toBe(reason);
    await expect(client.get(widgets, { name: "a" }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("429", () => {
  const busyFor = (times: number, seconds: string) => {
    let calls = 0;
    return stubbed((_, response) => {
      if (calls++ < times) sendStatus(response, 429, "TooManyRequests", { "retry-after": seconds });
      else sendJson(response, 200, { metadata: { name: "a" } });
    });
  };

  test("is tried again", async () => {
    const { client, stub } = await busyFor(2, "0");
    await client.mergePatch(widgets, { name: "a" }, {});
    expect(stub.seen).toHaveLength(3);
  });

  test("is given up after a bounded number of tries", async () => {
    const { client, stub } = await busyFor(1000, "0");
    expect((await failure(client.get(widgets, { name: "a" }))).code).toBe(429);
    expect(stub.seen).toHaveLength(5);
  });

  test("that asks for more time than the deadline leaves is answered at once", async () => {
    const { client, stub } = await busyFor(1, "3600");
    expect(await failure(client.get(widgets, { name: "a" }))).toMatchObject({ code: 429, retryAfterMs: 3_600_000 });
    expect(stub.seen).toHaveLength(1);
  });
});

test("a kept-alive connection that the server closed meanwhile is replaced", async () => {
  let calls = 0;
  const { client, stub } = await stubbed((_, response) => {
    if (++calls === 2) response.socket?.resetAndDestroy();
    else sendJson(response, 200, { metadata: { name: "a" } });
  });
  await client.get(widgets, { name: "a" });
  await client.get(widgets, { name: "a" });
  expect(stub.seen).toHaveLength(3);
});

test("a server that is not a URL is malformed", async () => {
  const client = openKube({ kubeconfig: stubKubeconfig("nowhere"), log });
  expect((await failure(client.get(widgets, { name: "a" }))).kind).toBe("malformed");
});
