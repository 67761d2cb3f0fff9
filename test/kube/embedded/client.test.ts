import {
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  type V1ConfigMap,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startKube, statusOf, type TestKube, until, widgetDefinition } from "./support.js";

let kube: TestKube;
let config: KubeConfig;

beforeAll(async () => {
  kube = await startKube();
  config = new KubeConfig();
  config.loadFromString(kube.adminKubeconfig);
});
afterAll(() => kube.close());

const namespace = "default";

describe("client-node", () => {
  test("creates, reads, replaces, lists by pages and deletes", async () => {
    const core = config.makeApiClient(CoreV1Api);
    for (const name of ["p1", "p2", "p3"]) {
      await core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { set: "pages" } } } });
    }
    const page = await core.listNamespacedConfigMap({ namespace, labelSelector: "set=pages", limit: 2 });
    expect(page.items.map(({ metadata }) => metadata?.name)).toEqual(["p1", "p2"]);
    const rest = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: "set=pages",
      limit: 2,
      _continue: page.metadata?._continue ?? "",
    });
    expect(rest.items.map(({ metadata }) => metadata?.name)).toEqual(["p3"]);
    const [first] = page.items;
    const body = { ...first, data: { a: "b" } };
    const replaced = await core.replaceNamespacedConfigMap({ namespace, name: "p1", body });
    expect(replaced.metadata?.creationTimestamp).toBeInstanceOf(Date);
    expect(await statusOf(core.replaceNamespacedConfigMap({ namespace, name: "p1", body }))).toMatchObject({
      code: 409,
      reason: "Conflict",
    });
    await core.deleteNamespacedConfigMap({
      namespace,
      name: "p1",
      body: { preconditions: { uid: first?.metadata?.uid ?? "" } },
    });
    expect(await statusOf(core.readNamespacedConfigMap({ namespace, name: "p1" }))).toMatchObject({ code: 404 });
  });

  test("scales by the scale subresource", async () => {
    const apps = config.makeApiClient(AppsV1Api);
    await apps.createNamespacedDeployment({
      namespace,
      body: {
        metadata: { name: "web" },
        spec: { selector: { matchLabels: { a: "b" } }, template: { metadata: { labels: { a: "b" } } } },
      },
    });
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name: "web" });
    expect(scale).toMatchObject({ spec: { replicas: 1 }, status: { selector: "a=b" } });
    const body = { ...scale, spec: { replicas: 3 } };
    await apps.replaceNamespacedDeploymentScale({ namespace, name: "web", body });
    expect((await apps.readNamespacedDeployment({ namespace, name: "web" })).spec?.replicas).toBe(3);
  });

  test("applies objects of any kind", async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    await objects.create(widgetDefinition as never);
    const widget = (size: number) => ({
      apiVersion: "example.org/v1",
      kind: "Widget",
      metadata: { name: "applied", namespace },
      spec: { size },
    });
    const put = (manager: string, size: number, force: boolean) =>
      objects.patch(widget(size), undefined, undefined, manager, force, PatchStrategy.ServerSideApply);
    await put("me", 1, false);
    expect(await statusOf(put("you", 2, false))).toMatchObject({ code: 409, reason: "Conflict" });
    expect(await put("you", 2, true)).toMatchObject({ spec: { size: 2 } });
    const read = await objects.read({ ...widget(0), metadata: { name: "applied", namespace } });
    expect(read).toMatchObject({ kind: "Widget", spec: { size: 2 } });
  });

  test("watches, and learns of an expired version", async () => {
    const core = config.makeApiClient(CoreV1Api);
    const { metadata } = await core.listNamespacedSecret({ namespace });
    const events: string[] = [];
    const watch = new Watch(config);
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const running = await watch.watch(
      path,
      { resourceVersion: metadata?.resourceVersion },
      (phase: string, object: { metadata: { name: string } }) => events.push(`${phase} ${object.metadata.name}`),
      () => undefined,
    );
    await core.createNamespacedSecret({ namespace, body: { metadata: { name: "s" }, stringData: { key: "value" } } });
    const secret = await core.readNamespacedSecret({ namespace, name: "s" });
    expect(secret).toMatchObject({ type: "Opaque", data: { key: Buffer.from("value").toString("base64") } });
    await core.deleteNamespacedSecret({ namespace, name: "s" });
    await until(() => events.length === 2);
    expect(events).toEqual(["ADDED s", "DELETED s"]);
    running.abort();
    const status = await new Promise((resolve, reject) => {
      const onEvent = (phase: string, object: unknown) => phase === "ERROR" && resolve(object);
      watch.watch(path, { resourceVersion: "1" }, onEvent, () => undefined).catch(reject);
    });
    expect(status).toMatchObject({ code: 410, reason: "Expired" });
  });

  test("informs by selector", async () => {
    const core = config.makeApiClient(CoreV1Api);
    const labelSelector = "informed=yes";
    const seen: string[] = [];
    const informer = makeInformer<V1ConfigMap>(
      config,
      `/api/v1/namespaces/${namespace}/configmaps`,
      () => core.listNamespacedConfigMap({ namespace, labelSelector }),
      labelSelector,
    );
    for (const verb of ["add", "update", "delete"] as const) {
      informer.on(verb, (object: V1ConfigMap) => seen.push(`${verb} ${object.metadata?.name}`));
    }
    await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: "i0", labels: { informed: "yes" } } },
    });
    await informer.start();
    await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: "i1", labels: { informed: "yes" } } },
    });
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "i2" } } });
    await until(() => seen.length >= 2);
    const i1 = await core.readNamespacedConfigMap({ namespace, name: "i1" });
    await core.replaceNamespacedConfigMap({ namespace, name: "i1", body: { ...i1, data: { x: "y" } } });
    await core.replaceNamespacedConfigMap({
      namespace,
      name: "i1",
      body: { ...i1, metadata: { name: "i1", labels: {} }, data: { x: "y" } },
    });
    await until(() => seen.length >= 4);
    expect(seen).toEqual(["add i0", "add i1", "update i1", "delete i1"]);
    await informer.stop();
  });
});
