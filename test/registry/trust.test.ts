import { describe, expect, it, test } from "vitest";
import { openRegistry } from "../../src/registry/open-registry.js";
import { selfSigned } from "../rpc/support/certificate.js";
import { clientOf, credentials, digest, found, password, resolve, start, status } from "./support/images.js";

describe("an address", () => {
  test.each(["127.0.0.1:1/web", "[::1]:1/web", "localhost:1/web", "10.0.0.1/web", "169.254.169.254/web"])(
    "out of scope is not called: %s",
    async (image) => {
      const client = openRegistry({ addresses: "public", mirrors: new Map() });
      await expect(resolve(client, image)).rejects.toMatchObject({ kind: "invalid" });
    },
  );

  it("of a registry that leads there is not called either", async () => {
    const inner = await start(found, await selfSigned());
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    for (const to of [inner.url, inner.url.replace("127.0.0.1", "localhost")]) {
      const server = await start(status(307, { location: `${to}/v2/x/manifests/latest` }));
      await expect(resolve(clientOf(server), "r.example/web")).rejects.toMatchObject({ kind: "invalid" });
      const realm = await start(status(401, { "www-authenticate": `Bearer realm="${to}/token"` }));
      await expect(resolve(clientOf(realm), "r.example/web")).rejects.toMatchObject({ kind: "invalid" });
    }
    expect(inner.seen).toEqual([]);
  });

  it("without TLS is called only where a mirror names it", async () => {
    const plain = await start(found);
    const server = await start(status(302, { location: `${plain.url}/v2/x/manifests/latest` }));
    const error = resolve(clientOf(server, { addresses: "any" }), "r.example/web");
    await expect(error).rejects.toMatchObject({ kind: "unavailable" });
    const direct = openRegistry({ addresses: "any", mirrors: new Map() });
    await expect(resolve(direct, `${plain.host}/web`)).rejects.toMatchObject({ kind: "unavailable" });
    expect(plain.seen).toEqual([]);
  });

  it("with a certificate that does not hold is not trusted", async () => {
    const server = await start(found, await selfSigned());
    const client = openRegistry({ addresses: "any", mirrors: new Map() });
    await expect(resolve(client, `${server.host}/web`, credentials(server.host))).rejects.toThrow("over TLS");
    expect(server.seen).toEqual([]);
  });

  it("that is nowhere is missing", async () => {
    const client = openRegistry({ addresses: "public", mirrors: new Map() });
    const error = resolve(client, "registry.invalid/web");
    await expect(error).rejects.toMatchObject({ kind: expect.stringMatching(/missing|unavailable/) });
  });
});

describe("redirects", () => {
  it("are followed, but not without an end", async () => {
    const server = await start((request, response, url) => {
      const hop = Number(url.searchParams.get("hop") ?? 0);
      if (hop === 5) found(request, response, url);
      else status(307, { location: `?hop=${hop + 1}` })(request, response, url);
    });
    expect(await resolve(clientOf(server), "r.example/web")).toEqual({ digest });
    const loop = await start(status(302, { location: "?" }));
    await expect(resolve(clientOf(loop), "r.example/web")).rejects.toMatchObject({ kind: "unavailable" });
    expect(loop.seen).toHaveLength(6);
    const nowhere = await start(status(302, { location: "https://[" }));
    await expect(resolve(clientOf(nowhere), "r.example/web")).rejects.toMatchObject({ kind: "unavailable" });
  });

  it("to other hosts carry no credentials, nor do credentials answer what they want", async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    const other = await start(status(401, { "www-authenticate": "Basic" }), await selfSigned());
    let isKnown = false;
    const server = await start((request, response, url) => {
      isKnown = request.headers.authorization !== undefined;
      if (isKnown) status(307, { location: `${other.url}/blob` })(request, response, url);
      else status(401, { "www-authenticate": 'Basic realm="r"' })(request, response, url);
    });
    const client = clientOf(server, { addresses: "any" });
    const asked = resolve(client, "r.example/web", credentials("r.example"));
    await expect(asked).rejects.toMatchObject({ kind: "precondition" });
    expect(isKnown).toBe(true);
    expect(other.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
  });
});

describe("credentials", () => {
  const basic = `Basic ${Buffer.from(`ada:${password}`).toString("base64")}`;

  /** A registry that wants a token. */
  async function startTokens(options: { expires?: number; scope?: string } = {}) {
    let issued = 0;
    return await start((request, response, url) => {
      const { authorization, host } = request.headers;
      if (url.pathname === "/token") {
        issued += 1;
        if (authorization !== basic) status(401)(request, response, url);
        else response.end(JSON.stringify({ access_token: `t${issued}`, expires_in: options.expires ?? 300 }));
      } else if (authorization === `Bearer t${issued}`) found(request, response, url);
      else {
        const challenge = `Bearer realm="http://${host}/token",service="s"${options.scope ?? ""}`;
        status(401, { "www-authenticate": challenge })(request, response, url);
      }
    });
  }

  it("get a token, which is used while it holds", async () => {
    const server = await startTokens();
    const client = clientOf(server);
    for (let i = 0; i < 2; i += 1) {
      expect(await resolve(client, "r.example/team/web", credentials("r.example"))).toEqual({ digest });
    }
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "HEAD /v2/team/web/manifests/latest",
      "GET /token?service=s&scope=repository%3Ateam%2Fweb%3Apull",
      "HEAD /v2/team/web/manifests/latest",
      "HEAD /v2/team/web/manifests/latest",
    ]);
    // Of another repository, of nobody, and of others.
    await resolve(client, "r.example/team/other", credentials("r.example"));
    await expect(resolve(client, "r.example/team/web")).rejects.toMatchObject({ kind: "precondition" });
    const wrong = { ...credentials("r.example"), password: "wrong" };
    await expect(resolve(client, "r.example/team/web", wrong)).rejects.toMatchObject({ kind: "precondition" });
  });

  it("get a new token when the old one has ended or is refused", async () => {
    const server = await startTokens({ expires: 1, scope: ',scope="repository:x:pull"' });
    const client = clientOf(server);
    await resolve(client, "r.example/web", credentials("r.example"));
    await resolve(client, "r.example/web", credentials("r.example"));
    const tokens = server.seen.filter(({ path }) => path.startsWith("/token"));
    expect(tokens.map(({ path }) => path)).toEqual(Array(2).fill("/token?service=s&scope=repository%3Ax%3Apull"));
  });

  it("are shown to the server that they name, and to no other", async () => {
    const server = await start(status(401, { "www-authenticate": 'Basic realm="r"' }));
    const client = clientOf(server);
    for (const name of ["other.example", "r.example.evil", "r.example:444", "r.example@evil", "", "https://"]) {
      const asked = resolve(client, "r.example/web", credentials(name));
      await expect(asked).rejects.toThrow("for another server");
    }
    expect(server.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
    for (const name of ["r.example", "R.EXAMPLE:443", "https://r.example/v1/", "oci://r.example"]) {
      server.seen.length = 0;
      const asked = resolve(client, "r.example/web", credentials(name));
      await expect(asked).rejects.toThrow("username and password");
      expect(server.seen.map(({ authorization }) => authorization)).toEqual([undefined, basic]);
    }
    server.seen.length = 0;
    await resolve(client, "nginx", credentials("https://index.docker.io/v1/")).catch(() => {});
    expect(server.seen.at(-1)?.authorization).toBe(basic);
  });

  test.each([
    ["no realm", "Bearer service=x"],
    ["another scheme", "Negotiate"],
    ["a realm that is no URL", 'Bearer realm="%"'],
    ["a realm without TLS", 'Bearer realm="http://elsewhere.example/token"'],
    ["a realm of another scheme", 'Bearer realm="file:///etc/passwd"'],
    ["too long a challenge", `Bearer realm="https://r.example/${"a".repeat(5_000)}"`],
  ])("are kept from %s", async (_, challenge) => {
    const server = await start(status(401, { "www-authenticate": challenge }));
    const asked = resolve(clientOf(server), "r.example/web", credentials("r.example"));
    await expect(asked).rejects.toMatchObject({ kind: expect.stringMatching(/precondition|unavailable/) });
    expect(server.seen).toHaveLength(1);
  });

  test.each([
    ["no JSON", "nonsense"],
    ["no token", "{}"],
    ["a token that is no header", JSON.stringify({ token: "a\r\nb" })],
    ["a token that is no text", JSON.stringify({ token: 7 })],
    ["too much", JSON.stringify({ token: "a".repeat(70_000) })],
  ])("do not get on with %s", async (_, body) => {
    const server = await start((request, response, url) => {
      if (url.pathname === "/token") response.end(body);
      else
        status(401, { "www-authenticate": `Bearer realm="http://${request.headers.host}/token"` })(
          request,
          response,
          url,
        );
    });
    const asked = resolve(clientOf(server), "r.example/web", credentials("r.example"));
    await expect(asked).rejects.toMatchObject({ kind: "unavailable" });
  });
});
