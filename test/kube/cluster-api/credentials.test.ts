import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type KubeClient, openKube } from "../../../src/kube/client.js";
import { type Secret, secrets } from "../../../src/kube/objects.js";
import {
  type ClusterRoleBinding,
  clusterRoleBindings,
  type SigningRequest,
  signingRequests,
} from "../../../src/resources/api/cluster/cluster-api-types.js";
import { clusterSpec, healthy, log, observed, signal, until } from "../gardener/garden.js";
import { type Management, namespace, startManagement } from "./management.js";

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

let management: Management;
beforeAll(async () => {
  management = await startManagement();
});
afterAll(() => management.close());

test("the long-lived kubeconfig of Cluster API is not handed out, and requests are tidied up", async () => {
  const spec = clusterSpec("short");
  await management.backend.apply(spec, signal);
  await observed(management, spec, healthy);
  const { data } = await management.client.get<Secret>(secrets, { name: "short-kubeconfig", namespace });
  const own = Buffer.from(data?.value ?? "", "base64").toString("utf8");
  const issued = await management.backend.kubeconfig(spec, 600, signal);
  const key = (text: string) => /client-key-data: (\S+)/.exec(text)?.[1];
  expect(key(own)).toBeDefined();
  expect(issued).not.toContain(key(own));
  const inside = openKube({ kubeconfig: own, log });
  open.push(inside);
  expect((await inside.list(signingRequests)).items).toEqual([]);
});

describe("credentials are issued again after users of the cluster", () => {
  const name = "slipway:cluster-admins";
  const group = { apiGroup: "rbac.authorization.k8s.io", kind: "Group", name };
  const role = (kind: string, name: string) => ({ apiGroup: group.apiGroup, kind, name });
  const spec = clusterSpec("bound");
  let inside: KubeClient;
  beforeAll(async () => {
    await management.backend.apply(spec, signal);
    await observed(management, spec, healthy);
    inside = openKube({ kubeconfig: await management.backend.kubeconfig(spec, 600, signal), log });
  });
  afterAll(() => inside.close());

  const replaced = async (change: Partial<ClusterRoleBinding>, finalizers: string[] = []) => {
    const found = await inside.get<ClusterRoleBinding>(clusterRoleBindings, { name });
    await inside.delete(clusterRoleBindings, { name });
    const metadata = { name, finalizers };
    await inside.create(clusterRoleBindings, { metadata, roleRef: found.roleRef, subjects: [group], ...change });
  };
  const user = { apiGroup: group.apiGroup, kind: "User", name: "mallory" };

  test.each<[string, () => Promise<void>]>([
    ["deleted the binding", () => inside.delete(clusterRoleBindings, { name })],
    ["made it one of another role", () => replaced({ roleRef: role("ClusterRole", "view") })],
    ["took the group out of it", () => replaced({ subjects: [user] })],
    ["put others into it", () => replaced({ subjects: [group, user] })],
    [
      "made it one of another role that cannot be deleted",
      () => replaced({ roleRef: role("ClusterRole", "view") }, ["example.com/stays"]),
    ],
    [
      "left it in deletion",
      async () => {
        await replaced({}, ["example.com/stays"]);
        await inside.delete(clusterRoleBindings, { name });
      },
    ],
  ])("%s", async (_, spoil) => {
    await spoil();
    const issued = await management.backend.kubeconfig(spec, 600, signal);
    const again = openKube({ kubeconfig: issued, log });
    open.push(again);
    const { metadata, roleRef, subjects } = await again.get<ClusterRoleBinding>(clusterRoleBindings, { name });
    expect(roleRef).toEqual(role("ClusterRole", "cluster-admin"));
    expect(subjects).toEqual([group]);
    expect(metadata.deletionTimestamp).toBeUndefined();
  });

  test("the role of a binding cannot be changed in place", async () => {
    const found = await inside.get<ClusterRoleBinding>(clusterRoleBindings, { name });
    const changed = { metadata: { name }, roleRef: role("ClusterRole", "view"), subjects: found.subjects };
    await expect(inside.apply(clusterRoleBindings, changed)).rejects.toMatchObject({
      code: 422,
      details: [expect.objectContaining({ field: "roleRef" })],
    });
  });
});

describe("requests for certificates", () => {
  test("are signed when approved only, and never for system:masters or another cluster", async () => {
    const spec = clusterSpec("sign");
    await management.backend.apply(spec, signal);
    await observed(management, spec, healthy);
    const inside = openKube({ kubeconfig: await management.backend.kubeconfig(spec, 600, signal), log });
    open.push(inside);
    const { Name, Pkcs10CertificateRequestGenerator } = await import("@peculiar/x509");
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const order = async (group: string): Promise<SigningRequest> => {
      const name = new Name([{ O: [group] }, { CN: ["somebody"] }]);
      const made = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: algorithm });
      const request = Buffer.from(made.toString("pem")).toString("base64");
      const signerName = "kubernetes.io/kube-apiserver-client";
      const usages = ["client auth"];
      return { metadata: { name: randomUUID() }, spec: { request, signerName, expirationSeconds: 600, usages } };
    };
    for (const group of ["system:masters", "cluster:another"]) {
      await expect(inside.create(signingRequests, await order(group))).rejects.toMatchObject({ code: 403 });
    }
    const bad = await order("somebody");
    const garbled = { ...bad, spec: { ...bad.spec, request: "bm9uc2Vuc2U=" } };
    await expect(inside.create(signingRequests, garbled)).rejects.toMatchObject({ code: 422 });

    const made = await inside.create(signingRequests, await order("somebody"));
    const approval = [{ type: "Approved", status: "True", reason: "Test", message: "" }];
    const approved = { ...made, status: { conditions: approval } };
    // The status path does not approve.
    const still = await inside.replaceSubresource(signingRequests, approved, "status");
    expect(still.status?.conditions ?? []).toEqual([]);
    await inside.replaceSubresource(
      signingRequests,
      { ...approved, metadata: { ...made.metadata, resourceVersion: still.metadata.resourceVersion ?? "" } },
      "approval",
    );
    await until(async () => {
      const { status } = await inside.get<SigningRequest>(signingRequests, made.metadata);
      expect(Buffer.from(status?.certificate ?? "", "base64").toString()).toContain("BEGIN CERTIFICATE");
    });
  });
});
