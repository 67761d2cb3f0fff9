import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Context, changeConfig, withContext } from "../../cli/config-file.js";
import type { Access } from "../../cli/kubeconfig/access.js";
import { execCredential, rememberAccess } from "../../cli/kubeconfig/credential.js";
import type { Session } from "../../cli/session.js";
import { forgetCredentials } from "../../cli/tokens.js";
import { AuthService } from "../../gen/ts/iam/v1/auth_pb.js";
import { newUser, password } from "../auth/browser-session/support/users.js";
import { codeOf } from "../resources/support/refusals.js";
import { selfSigned } from "../rpc/support/certificate.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";
import { openProgram, type UserProgram } from "./support/program.js";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let platform: TestPlatform;
let user: UserProgram;
let access: Access;
beforeAll(async () => {
  platform = await startPlatform({ background: false, env: { SLIPWAY_PASSWORD_SIGN_IN: "on" } });
  user = await openProgram();
  const { cert, key } = await selfSigned();
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  access = { server: "https://127.0.0.1:1", authority: undefined, certificate: base64(cert), key: base64(key) };
});
afterAll(async () => {
  await user.close();
  await platform.close();
});

describe("slipway logout", () => {
  it("ends the session of the context, and not the token that SLIPWAY_TOKEN has", async () => {
    const login = await newUser(platform);
    const args = ["login", "--url", platform.url, "--user", login, "--password-stdin"];
    expect(await user.run(args, { input: `${password}\n` })).toMatchObject({ code: 0 });
    const token = /eyJ[\w.-]+/.exec(await user.config())?.[0] ?? "";
    const other = platform.tokens.owner;
    const env = { SLIPWAY_TOKEN: other, SLIPWAY_URL: "http://127.0.0.1:1" };
    expect(await user.run(["logout"], { env })).toMatchObject({ code: 0, stdout: "" });
    const holds = (each: string) => codeOf(platform.client(AuthService).whoAmI({}, as(each)));
    expect([await holds(token), await holds(other)]).toEqual(["Unauthenticated", "OK"]);
    expect(await user.config()).not.toContain("eyJ");
  });
});

describe("a certificate that kubectl was given", () => {
  const cluster = { uuid: "c", project: "p", seconds: undefined };
  const context = (name: string): Context => ({ name, url: "http://127.0.0.1:1", token: `slipk_${name}` });
  const sessionOf = (name: string) =>
    ({
      settings: async () => ({ ...context(name), project: undefined, caFile: undefined, context: context(name) }),
      client: () => Promise.reject(new Error("it is asked for anew")),
    }) as unknown as Session;

  it("is taken again while its context has credentials, and goes with them", async () => {
    vi.stubEnv("SLIPWAY_CONFIG", `${user.home}/own.yaml`);
    vi.stubEnv("XDG_CACHE_HOME", `${user.home}/own-cache`);
    for (const name of ["one", "two"]) {
      await changeConfig((config) => withContext(config, context(name)));
      await rememberAccess(sessionOf(name), cluster, access);
      expect(JSON.parse(await execCredential(sessionOf(name), cluster)).kind).toBe("ExecCredential");
    }
    await forgetCredentials("one");
    await expect(execCredential(sessionOf("one"), cluster)).rejects.toThrow("it is asked for anew");
    expect(JSON.parse(await execCredential(sessionOf("two"), cluster)).kind).toBe("ExecCredential");
    vi.unstubAllEnvs();
  });

  it("goes with a context that is removed, renamed, or gets another token", async () => {
    vi.stubEnv("XDG_CACHE_HOME", `${user.home}/.cache`);
    const forgetting = [
      ["remove", "gone"],
      ["rename", "gone", "new"],
      ["set", "gone", "--token-stdin"],
      ["set", "gone", "--url", "http://127.0.0.1:2"],
    ];
    for (const args of forgetting) {
      const add = ["context", "add", "gone", "--url", "http://127.0.0.1:1", "--token-stdin"];
      expect((await user.run(add, { input: "slipk_gone" })).code).toBe(0);
      await rememberAccess(sessionOf("gone"), cluster, access);
      expect((await user.run(["context", "set", "gone", "--project", "p"])).code).toBe(0);
      expect(await execCredential(sessionOf("gone"), cluster)).toContain("ExecCredential");
      expect((await user.run(["context", ...args], { input: "slipk_other" })).code).toBe(0);
      const asked = execCredential(sessionOf("gone"), cluster);
      await expect(asked, args.join(" ")).rejects.toThrow("it is asked for anew");
      await user.run(["context", "remove", "gone"]);
    }
    vi.unstubAllEnvs();
  });
});
