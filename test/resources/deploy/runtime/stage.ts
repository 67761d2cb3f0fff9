import { expect, vi } from "vitest";
import { RuntimeService } from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import { ProcessKind } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { openTargetProxy } from "../target/target-proxy.js";
import { directly } from "../target/targets.js";
import { deploymentsOf, homeOn, openSite } from "../works/site.js";

/** A platform whose own Kubernetes is a target behind a proxy, and a deployment there that runs: 2 of web, 1 of worker. */
export async function openStage() {
  const { platform, close } = await openSite();
  const kube = directly(platform);
  const proxy = await openTargetProxy(platform.kube.kubeconfig);
  const runtime = platform.client(RuntimeService);
  const deployments = await deploymentsOf(platform, platform);
  const home = await homeOn(platform, platform, proxy.kubeconfig());
  const web = await deployments.create(home, {
    processes: [
      { name: "web", kind: ProcessKind.SERVICE, ports: [{ name: "http", port: 8080 }] },
      { name: "worker", kind: ProcessKind.SERVICE },
    ],
    scale: [{ process: "web", replicas: 2 }],
    config: {
      setVariables: [{ name: "PASSWORD", value: "hunter2" }],
      setFiles: [{ path: "/etc/app.conf", content: "hunter3" }],
    },
  });
  const { project, owner } = deployments;
  const request = { project, uuid: web.task?.uuid ?? "" };
  await vi.waitFor(
    async () =>
      expect((await deployments.tasks.get(request, owner)).task).toMatchObject({ state: TaskState.SUCCEEDED }),
    { timeout: 60_000, interval: 20 },
  );
  const named = (more: object = {}) => ({ project, deployment: web.uuid, ...more });
  return {
    platform,
    kube,
    proxy,
    runtime,
    deployments,
    home,
    web,
    /** A request about the deployment. */
    named,
    instances: async (more: object = {}) => (await runtime.listInstances({ project, ...more }, owner)).instances,
    objects: async (more: object = {}) => (await runtime.listObjects({ ...named(), ...more }, owner)).objects,
    get: (more: object) => runtime.getObject({ ...named(), ...more }, owner),
    async close(): Promise<void> {
      kube.close();
      await proxy.close();
      await close();
    },
  };
}
export type Stage = Awaited<ReturnType<typeof openStage>>;

/** The part of a request that names an object. */
export const object = (kind: string, name: string, group = "") => ({ object: { kind, name, group } });
