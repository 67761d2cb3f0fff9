import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Failure } from "../failure.js";
import type { Session } from "../session.js";
import { callMethod } from "./api.js";
import { isObject } from "./compare.js";

/** What a deployment runs, by its newest release that did not fail, in the words of a Create request. */
export async function deploymentState(
  session: Session,
  item: JsonObject,
  wanted: JsonObject,
  resend: boolean,
): Promise<JsonObject> {
  const release = await newestRelease(session, item);
  return {
    ...(release.source === undefined ? {} : { source: release.source }),
    processes: release.processes ?? [],
    config: configState(
      isObject(release.configuration) ? release.configuration : {},
      isObject(wanted.config) ? wanted.config : {},
      resend,
    ),
    scale: listOf(item.processes).map(({ name = "", replicas = 0, autoscale = null }) => ({
      process: name,
      replicas,
      autoscale,
    })),
  };
}

async function newestRelease(session: Session, item: JsonObject): Promise<JsonObject> {
  const { ReleaseService } = await import("../../gen/ts/deploy/v1/release_pb.js");
  const { uuid = "", project = "", environment = "" } = item;
  const request: JsonObject = { project, environment, deployment: uuid, pageSize: 10 };
  const answer = await callMethod(session, ReleaseService, "list", request);
  const found = listOf(answer.releases).find(({ status }) => status !== "RELEASE_STATUS_FAILED");
  if (found === undefined) return {};
  // Get has the whole of it.
  const get: JsonObject = { project, environment, deployment: uuid, number: found.number ?? 0 };
  const { release } = await callMethod(session, ReleaseService, "get", get);
  return isObject(release) ? release : found;
}

/** Configuration in the form of a patch. Sensitive values are never answered. */
function configState(there: JsonObject, wanted: JsonObject, resend: boolean): JsonObject {
  const variables = listOf(there.variables).map((variable) => {
    const same = listOf(wanted.setVariables).find(({ name }) => name === variable.name);
    const isHidden = variable.sensitive === true && same?.sensitive === true && !resend;
    return isHidden ? { ...variable, value: same.value ?? "" } : variable;
  });
  const names = (list: readonly JsonObject[], key: string): JsonValue[] => list.map((each) => each[key] ?? "");
  const without = (field: string, present: readonly JsonValue[]): JsonValue[] => {
    const asked = wanted[field];
    return Array.isArray(asked) ? asked.filter((each) => !present.includes(each)) : [];
  };
  return {
    setVariables: variables,
    setFiles: there.files ?? [],
    setSecretMounts: there.secretMounts ?? [],
    unsetVariables: without("unsetVariables", names(variables, "name")),
    unsetFiles: without("unsetFiles", names(listOf(there.files), "path")),
    unsetSecretMounts: without("unsetSecretMounts", names(listOf(there.secretMounts), "path")),
  };
}

/** Changes replicas by Scale; bounds of an autoscaler have a command of their own. */
export async function scaleDeployment(session: Session, item: JsonObject, wanted: JsonValue): Promise<JsonObject> {
  const { DeploymentService } = await import("../../gen/ts/deploy/v1/deployment_pb.js");
  const wantedScale = listOf(wanted);
  if (wantedScale.some((each) => isObject(each.autoscale))) {
    throw new Failure("precondition", "apply does not change autoscale of a deployment that is there", [
      `Use slipway deployment autoscale ${String(item.name)}.`,
    ]);
  }
  const replicas = Object.fromEntries(wantedScale.map((each) => [String(each.process), each.replicas ?? 0]));
  const { uuid = "", project = "", environment = "" } = item;
  return await callMethod(session, DeploymentService, "scale", { project, environment, deployment: uuid, replicas });
}

/** The releases, variables and the like of an answer. */
const listOf = (value: JsonValue | undefined): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
