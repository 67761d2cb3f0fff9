import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { serviceAccountKubeconfig } from "../../src/commands/service-account.js";
import { readPlainKubeconfig, readPlainKubeconfigFile } from "../../src/kube/plain-kubeconfig.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-kubeconfig-"));
  for (const name of ["ca", "cert", "key", "token"]) await writeFile(join(folder, name), `the ${name} of a file`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Parts {
  readonly cluster: object;
  readonly user: object | undefined;
  readonly current?: unknown;
}

const kubeconfig = ({ cluster, user, current = "here" }: Parts): string =>
  stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": current,
    clusters: [
      { name: "other", cluster: { server: "https://elsewhere" } },
      { name: "c", cluster },
    ],
    users: [{ name: "u", ...(user === undefined ? {} : { user }) }],
    contexts: [{ name: "here", context: { cluster: "c", user: "u" } }],
  });

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const server = "https://k8s.example.com:6443/clusters/demo/";

/** What counts of the options of a request. */
const shown = ({ ca, cert, key, rejectUnauthorized, servername, headers, auth }: RequestOptions) => ({
  ca: ca?.toString(),
  cert: cert?.toString(),
  key: key?.toString(),
  rejectUnauthorized,
  servername,
  headers: { ...(headers as object) },
  auth: auth ?? undefined,
});

async function ofLibrary(text: string, fromFile: boolean) {
  const config = new KubeConfig();
  if (fromFile) config.loadFromFile(join(folder, "config"));
  else config.loadFromString(text);
  const options: RequestOptions = { headers: {} };
  await config.applyToHTTPSOptions(options);
  return { server: config.getCurrentCluster()?.server, options: shown(options) };
}

test("what is read says the same as the client library, of text and of files", async () => {
  const some = <T>(value: T) => fc.option(fc.constant(value), { nil: undefined });
  const parts = fc.record({
    cluster: fc.record({
      server: fc.constantFrom(server, "https://10.0.0.1"),
      "certificate-authority-data": some(base64("an authority")),
      "insecure-skip-tls-verify": fc.constantFrom(undefined, true, false),
      "tls-server-name": fc.constantFrom(undefined, "", "kubernetes"),
    }),
    user: fc.record({
      "client-certificate-data": some(base64("a certificate")),
      "client-key-data": some(base64("a key")),
      token: fc.constantFrom(undefined, "", "secret"),
    }),
    files: fc.boolean(),
    tokenFile: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(parts, async ({ cluster, user, files, tokenFile }) => {
      const inFiles = { "client-certificate": "cert", "client-key": join(folder, "key") };
      const { token, ...rest } = user;
      const provider = { "auth-provider": { name: "tokenFile", config: { tokenFile: join(folder, "token") } } };
      const text = kubeconfig({
        cluster: { ...cluster, ...(files ? { "certificate-authority": "ca" } : {}) },
        user: { ...rest, ...(files ? inFiles : {}), ...(tokenFile ? provider : { token }) },
      });
      if (files) await writeFile(join(folder, "config"), text);
      const plain = files ? readPlainKubeconfigFile(join(folder, "config")) : readPlainKubeconfig(text, undefined);
      expect(plain).toBeDefined();
      const ours = { server: plain?.server, options: shown(plain?.credentials() ?? {}) };
      expect(ours).toEqual(await ofLibrary(text, files));
    }),
    { numRuns: 60, seed: 8 },
  );
});

test.each<[string, Parts]>([
  ["a plugin", { cluster: { server }, user: { exec: { command: "get-token" } } }],
  ["a provider of tokens", { cluster: { server }, user: { "auth-provider": { name: "gcp", config: {} } } }],
  ["a password", { cluster: { server }, user: { username: "u", password: "p" } }],
  ["another user's name", { cluster: { server }, user: { token: "t", as: "root" } }],
  ["a proxy", { cluster: { server, "proxy-url": "http://proxy" }, user: { token: "t" } }],
  ["plain HTTP", { cluster: { server: "http://k8s", "insecure-skip-tls-verify": true }, user: { token: "t" } }],
  ["a token that is no text", { cluster: { server }, user: { token: 12_345 } }],
  ["no server", { cluster: {}, user: { token: "t" } }],
  ["no user", { cluster: { server }, user: undefined }],
  ["a context that is not there", { cluster: { server }, user: { token: "t" }, current: "gone" }],
])("a kubeconfig with %s is left to the client library", (_, parts) => {
  expect(readPlainKubeconfig(kubeconfig(parts), undefined)).toBeUndefined();
});

test("what is no kubeconfig, or no file, is left to the client library", () => {
  for (const text of ["", "[]", "users: [{token: s3cret\n  : :", "clusters: 1"]) {
    expect(readPlainKubeconfig(text, undefined)).toBeUndefined();
  }
  expect(readPlainKubeconfigFile(join(folder, "nowhere"))).toBeUndefined();
});

test("the service account of a pod is a kubeconfig that names the files which Kubernetes renews", () => {
  const text = serviceAccountKubeconfig({ KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" });
  const config = new KubeConfig();
  config.loadFromString(text ?? "");
  const library = new KubeConfig();
  const before = { ...process.env };
  Object.assign(process.env, { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" });
  library.loadFromCluster();
  process.env = before;
  const facts = (of: KubeConfig) => {
    const { server: url, caFile } = of.getCurrentCluster() ?? {};
    return { url, caFile, provider: of.getCurrentUser()?.authProvider };
  };
  expect(facts(config)).toEqual(facts(library));
  expect(readPlainKubeconfig(text ?? "", undefined)?.server).toBe("https://[fd00::1]:443");
  expect(serviceAccountKubeconfig({})).toBeUndefined();
});
