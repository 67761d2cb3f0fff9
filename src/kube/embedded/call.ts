import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cluster } from "./cluster.js";
import type { IssuedKubeconfig, KubeconfigOptions, User } from "./extension.js";
import type { ResourcePath } from "./request-path.js";
import type { ServedType } from "./served-type.js";
import { badRequest } from "./status-error.js";
import type { ObjectRef } from "./types.js";

/** One authenticated request to a virtual cluster. */
export interface Call {
  readonly cluster: Cluster;
  readonly user: User;
  readonly method: string;
  /** Path below the cluster, such as "/api/v1/pods". */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly now: Date;
  readonly kubeconfig: (options: KubeconfigOptions) => Promise<IssuedKubeconfig>;
}

/** A request to a resource or one of its objects. */
export interface ResourceCall extends Call {
  readonly type: ServedType;
  readonly target: ResourcePath;
}

/** What a handler answers; undefined when it wrote the response itself. */
export interface Reply {
  readonly code: number;
  readonly body: unknown;
  /** Default application/json. */
  readonly contentType?: string;
}

/** The object that a request is about. */
export function refOf(call: ResourceCall): ObjectRef {
  const { group, resource } = call.type;
  const { namespace, name = "" } = call.target;
  return { group, resource, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** Whether a query parameter is set to true. */
export function flag(query: URLSearchParams, name: string): boolean {
  return ["true", "1"].includes(query.get(name) ?? "");
}

/** A query parameter that is a whole number from 0; 400 for anything else. */
export function numberParameter(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw badRequest(`invalid value for ${name}: ${JSON.stringify(text)}`);
  return number;
}

/** Whether a write is only to be tried; a 400 for any value but "All". */
export function dryRunOf(values: readonly string[]): boolean {
  const wrong = values.find((value) => value !== "" && value !== "All");
  if (wrong !== undefined) throw badRequest(`invalid value for dryRun: ${JSON.stringify(wrong)}, must be "All"`);
  return values.includes("All");
}
