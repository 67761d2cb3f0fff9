import { create, type DescMethod, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { HealthService } from "../../../../gen/ts/api/v1/health_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { cluster, project } from "../../support/callers.js";

/** A method with a request to it. */
export interface Target {
  readonly name: string;
  readonly path: string;
  readonly binary: Buffer;
  readonly json: Buffer;
}

function target<M extends DescMethod>(name: string, method: M, init: MessageInitShape<M["input"]>): Target {
  const message = create(method.input, init);
  const binary = Buffer.from(toBinary(method.input, message));
  const json = Buffer.from(toJsonString(method.input, message));
  return { name, path: `/${method.parent.typeName}/${method.name}`, binary, json };
}

const cl = ClusterService.method;
const one = { project, uuid: cluster };
const workers = [{ name: "group-0", machineType: "n1", minsize: 1, maxsize: 2, maxsurge: 1, maxunavailable: 0 }];
const ordered = { project, name: "one", partition: "eqx-mu4", kubernetes: { version: "1.30.1" }, workers };

export const getCluster: Target = target("read", cl.get, one);
export const getHealth: Target = target("public", HealthService.method.get, {});
export const listClusters: Target = target("list", cl.list, { project });
export const createCluster: Target = target("write with audit", cl.create, ordered);
export const watchClusters: Target = target("stream", cl.watchStatus, one);

/** Methods of every kind, with requests that are good and such that break the rules of their proto. */
export const targets: readonly Target[] = [
  ...[getCluster, getHealth, listClusters, createCluster, watchClusters],
  target("write that breaks rules", cl.create, { project, name: "Not A Hostname" }),
  target("read that breaks rules", cl.get, { project, uuid: "none" }),
  target("read elsewhere", cl.get, { project: "0195c0de-0000-7000-8000-000000000002", uuid: cluster }),
  target("secrets", cl.getCredentials, { ...one, expiration: { seconds: 3_600n } }),
  target("write of a tenant", TenantService.method.create, { tenant: { login: "acme", name: "caf\u00e9" } }),
  target("unimplemented", cl.delete, one),
  { name: "no such method", path: "/api.v1.ClusterService/Nothing", binary: Buffer.alloc(0), json: Buffer.from("{}") },
  { name: "no such service", path: "/nothing.v1.Nothing/Get", binary: Buffer.alloc(0), json: Buffer.from("{}") },
  { name: "tool", path: "/grpc.health.v1.Health/Check", binary: Buffer.alloc(0), json: Buffer.from("{}") },
];

/** A gRPC message, or one that only says it is. */
export function envelope(data: Uint8Array, flags = 0, length = data.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, data]);
}

/** The same message of a wanted size, by a field that nobody knows, or by white space. */
export function padded({ binary, json }: Target, isJson: boolean, size: number): Buffer {
  if (isJson) return Buffer.concat([json, Buffer.alloc(Math.max(size - json.length, 0), " ")]);
  // Field 1000 with bytes: two of tag, two of length.
  const length = Math.max(size - binary.length - 4, 128);
  const head = Buffer.from([0xc2, 0x3e, (length & 0x7f) | 0x80, length >> 7]);
  return Buffer.concat([binary, head, Buffer.alloc(length, 7)]);
}
