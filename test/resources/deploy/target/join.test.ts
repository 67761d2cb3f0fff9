import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { NamespaceState } from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import { ConnectionState, TargetHealth } from "../../../../gen/ts/deploy/v1/target_pb.js";
import type { KubeClient } from "../../../../src/kube/client.js";
import { type KubeObject, type ResourceType, type Secret, secrets } from "../../../../src/kube/objects.js";
import { settleNamespace } from "../../../../src/resources/deploy/namespace/jobs.js";
import { sendStatus } from "../../../kube/stub-server.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { live, namespacesOf, newNamespace } from "../namespace/namespaces.js";
import { openTargetProxy, type TargetProxy, type TargetRequest } from "./target-proxy.js";
import { directly, putNode, startObserver, targetsOf } from "./targets.js";

let platform: TestPlatform;
let proxy: TargetProxy;
let kube: KubeClient;
const directory = mkdtempSync(join(tmpdir(), "join-"));
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  kube = directly(platform);
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  kube.close();
  await proxy.close();
  await platform.close();
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
type Manifest = KubeObject & { readonly rules?: readonly Rule[]; readonly subjects?: readonly object[] };

const typeOf = ({ apiVersion = "", kind = "" }: Manifest): ResourceType => {
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  return { group, version, kind, plural: `${kind.toLowerCase()}s` };
};

/** Whether the rules let a request through, as the API server would decide; discovery is everybody's. */
function allows(rules: readonly Rule[], { method, path }: TargetRequest): boolean {
  const { pathname } = new URL(path, "https://x");
  const match =
    /^\/(?:api|apis\/([^/]+))\/v[^/]+\/(?:namespaces\/[^/]+\/(?=[a-z]))?([a-z]+)(?:\/([^/]+))?(?:\/([a-z]+))?$/.exec(
      pathname,
    );
  if (match === null) return method === "GET" && /^\/(version|apis?)$/.test(pathname);
  const [, group = "", resource = "", name, below] = match;
  const verbs = { GET: name === undefined ? "list" : "get", POST: "create", PATCH: "patch", DELETE: "delete" };
  const verb = verbs[method as keyof typeof verbs] ?? method;
  const wanted = below === undefined ? resource : `${resource}/${below}`;
  return rules.some(
    (rule) => rule.apiGroups.includes(group) && rule.resources.includes(wanted) && rule.verbs.includes(verb),
  );
}

/** A kubectl that knows what the commands ask for. */
function writeKubectl(secret: Secret): void {
  const script = `#!/bin/sh
case "$*" in
  "config view --minify --raw --output jsonpath={.clusters[0].cluster.server}") printf %s '${proxy.url}' ;;
  "config view --minify --raw --output jsonpath={.clusters[0].cluster.certificate-authority-data}") ;;
  "--namespace agents get secret slipway-token --output jsonpath={.data.ca\\.crt}") printf %s '${secret.data?.["ca.crt"]}' ;;
  "--namespace agents get secret slipway-token --output jsonpath={.data.token}") printf %s '${secret.data?.token}' ;;
  *) echo "unknown: $*" >&2; exit 1 ;;
esac
`;
  writeFileSync(join(directory, "kubectl"), script, { mode: 0o755 });
}

it("the answer lets Slipway into a foreign cluster, with no more rights than it needs [pds.get-deployment-target-config]", async () => {
  const tenant = await platform.newTenant();
  const targets = targetsOf(platform, tenant);
  const { manifests, commands } = await targets.client.getJoinConfig(
    { project: tenant.project, namespace: "agents" },
    targets.owner,
  );
  const objects = parseAllDocuments(manifests).map((document) => document.toJS() as Manifest);
  expect(objects.map(({ kind }) => kind)).toEqual([
    "Namespace",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Secret",
  ]);
  for (const object of objects) await kube.apply(typeOf(object), object);
  const rules = objects.find(({ kind }) => kind === "ClusterRole")?.rules ?? [];
  expect(JSON.stringify(rules)).not.toMatch(/\*|escalate|impersonate|"bind"/);
  // What the token controller of a real Kubernetes does.
  const token = "token-of-the-account";
  const data = { token, "ca.crt": proxy.authority };
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  const place = { name: "slipway-token", namespace: "agents" };
  const secret = await kube.mergePatch<Secret>(secrets, place, { data: Object.fromEntries(encoded) });
  writeKubectl(secret);
  const kubeconfig = execFileSync("/bin/sh", ["-e"], {
    input: commands,
    env: { PATH: `${directory}:${process.env.PATH}` },
    encoding: "utf8",
  });
  proxy.tokens.add(token);
  const refused: TargetRequest[] = [];
  proxy.meddle((request, response) => {
    if (request.token !== token || allows(rules, request)) return false;
    refused.push(request);
    sendStatus(response, 403, "Forbidden");
    return true;
  });
  await putNode(kube, "node-a");
  const stop = startObserver(platform);
  const { uuid } = await targets.foreign(kubeconfig);
  await targets.until(uuid, { connection: ConnectionState.CONNECTED, health: TargetHealth.HEALTHY });
  const all = namespacesOf(platform, tenant);
  const namespace = await all.create({ target: uuid, name: newNamespace() });
  const settle = () =>
    settleNamespace(platform.platform)(
      { id: namespace.uuid, looks: 0 },
      { signal: new AbortController().signal, attempt: 1, log: platform.platform.log },
    );
  await settle();
  expect((await all.get(namespace.uuid)).state).toBe(NamespaceState.ACTIVE);
  await all.delete(namespace.uuid);
  const left = async (): Promise<number> => {
    await settle();
    return (await all.list()).length;
  };
  await expect.poll(left, { timeout: 20_000 }).toBe(0);
  expect(await live(kube, namespace.name)).toBeUndefined();
  await stop();
  expect(refused).toEqual([]);
});

it("the answer holds no secret, has a namespace of its own, and is for those who may make targets [pds.get-deployment-target-credentials]", async () => {
  const tenant = await platform.newTenant();
  const { client, owner, project } = targetsOf(platform, tenant);
  const { manifests, commands } = await client.getJoinConfig({ project }, owner);
  expect(manifests).toContain("name: slipway-system");
  expect(commands).toContain("--namespace slipway-system get secret slipway-token");
  expect(parseAllDocuments(manifests).map((document) => Object.keys(document.toJS()))).not.toContainEqual(
    expect.arrayContaining(["data"]),
  );
  expect(await codeOf(client.getJoinConfig({ project }, as(tenant.tokens.viewer)))).toBe("PermissionDenied");
  expect(await codeOf(client.getJoinConfig({ project, namespace: "x; rm -rf /" }, owner))).toBe("InvalidArgument");
});
