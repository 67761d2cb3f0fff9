import type { DescService } from "@bufbuild/protobuf";
import { readConfig } from "../config-file.js";
import type { GlobalFlags } from "../flags.js";
import { openSession } from "../session.js";

type LoadService = () => Promise<DescService>;

/** The services that list what flags and arguments name, by the name of the flag or argument. */
const services: Readonly<Record<string, LoadService>> = {
  cluster: async () => (await import("../../gen/ts/api/v1/cluster_pb.js")).ClusterService,
  deployment: async () => (await import("../../gen/ts/deploy/v1/deployment_pb.js")).DeploymentService,
  environment: async () => (await import("../../gen/ts/deploy/v1/environment_pb.js")).EnvironmentService,
  ip: async () => (await import("../../gen/ts/api/v1/ip_pb.js")).IPService,
  namespace: async () => (await import("../../gen/ts/deploy/v1/namespace_pb.js")).NamespaceService,
  project: async () => (await import("../../gen/ts/api/v1/project_pb.js")).ProjectService,
  secret: async () => (await import("../../gen/ts/deploy/v1/secret_pb.js")).SecretService,
  snapshot: async () => (await import("../../gen/ts/api/v1/volume_pb.js")).SnapshotService,
  target: async () => (await import("../../gen/ts/deploy/v1/target_pb.js")).TargetService,
  volume: async () => (await import("../../gen/ts/api/v1/volume_pb.js")).VolumeService,
  "volume-claim": async () => (await import("../../gen/ts/deploy/v1/volume_claim_pb.js")).VolumeClaimService,
};

/** The names that a flag or argument of this name may have; none for what is not known. */
export async function namesOf(what: string, flags: GlobalFlags): Promise<string[]> {
  if (what === "context") return (await readConfig()).contexts.map(({ name }) => name);
  const load = services[what];
  if (load === undefined) return [];
  const session = openSession(flags, false);
  const [{ listAll }, service] = await Promise.all([import("../apply/api.js"), load()]);
  const request = what === "project" ? {} : { project: await session.project() };
  const items = await listAll(session, service, request);
  return [...new Set(items.map((item) => String(item.name ?? "")).filter((name) => name !== ""))];
}
