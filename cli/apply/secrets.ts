import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { parse } from "yaml";
import type { Session } from "../session.js";
import { callMethod } from "./api.js";
import { isObject } from "./compare.js";

/** `stringData`: values as text instead of base64. */
export function secretFromText(value: JsonValue): JsonObject {
  if (!isObject(value)) throw new Error("must be a mapping of keys to text");
  const values = Object.entries(value).map(([key, text]) => {
    if (typeof text !== "string") throw new Error(`.${key} must be text: put it in quotes`);
    return [key, Buffer.from(text).toString("base64")] as const;
  });
  return { data: { values: Object.fromEntries(values) } };
}

/** `kubeconfigFile`: a file beside the manifest instead of its text. */
export async function kubeconfigFromFile(value: JsonValue, folder: string): Promise<JsonObject> {
  if (typeof value !== "string") throw new Error("must be the path of a file");
  try {
    return { kubeconfig: await readFile(resolve(folder, value), "utf8") };
  } catch (error) {
    throw new Error(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The content of a secret, for comparing; it is never shown. Who may not see it sends it again. */
export async function secretState(session: Session, item: JsonObject, wanted: JsonObject): Promise<JsonObject> {
  if (wanted.data === undefined) return {};
  const { SecretService } = await import("../../gen/ts/deploy/v1/secret_pb.js");
  const { uuid = "", project = "", environment = "" } = item;
  const request: JsonObject = { uuid, project, environment };
  const { data = null } = await callMethod(session, SecretService, "reveal", request).catch((): JsonObject => ({}));
  return { data };
}

/** Of a kubeconfig only the server can be compared. */
export async function targetState(
  _session: Session,
  item: JsonObject,
  wanted: JsonObject,
  resend: boolean,
): Promise<JsonObject> {
  if (typeof wanted.kubeconfig !== "string" || resend) return {};
  return serverOf(wanted.kubeconfig) === item.server ? { kubeconfig: wanted.kubeconfig } : {};
}

function serverOf(kubeconfig: string): string | undefined {
  type Named = { name?: string; context?: { cluster?: string }; cluster?: { server?: string } };
  let given: { "current-context"?: string; contexts?: Named[]; clusters?: Named[] } | null;
  try {
    given = parse(kubeconfig);
  } catch {
    return undefined;
  }
  const context = given?.contexts?.find(({ name }) => name === given?.["current-context"]);
  return given?.clusters?.find(({ name }) => name === context?.context?.cluster)?.cluster?.server;
}
