import type { QuotaServiceGetRequest } from "../../../../gen/ts/deploy/v1/quota_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import { memberStore } from "../../api/member/store.js";
import { projectStore } from "../../api/project/store.js";
import { tenantStore } from "../../api/tenant/store.js";
import { deploymentStore } from "../deployment/store.js";
import { environmentStore } from "../environment/store.js";
import type { QuotaScope } from "./store.js";

/** The narrowest scope that a request names; throws "missing" for what is not there, or not in what is named with it. */
export async function scopeToGet(db: Database, request: QuotaServiceGetRequest): Promise<QuotaScope> {
  const { project, login, environment, deployment } = request;
  if (project === "") {
    if (login === "") throw invalidField("project", "must be named, or else login");
    if (environment !== "") throw invalidField("environment", "must be empty where no project is named");
    if (deployment !== "") throw invalidField("deployment", "must be empty where no project is named");
    present(await tenantStore.get(db, login), "tenant", login);
    return { kind: "tenant", tenant: login };
  }
  present(await projectStore.get(db, project), "project", project);
  if (deployment !== "") {
    present(await deploymentStore.get(db, { project, environment, id: deployment }), "deployment", deployment);
    return { kind: "deployment", project, deployment };
  }
  if (environment === "") return { kind: "project", project };
  present(await environmentStore.get(db, { project, id: environment }), "environment", environment);
  return { kind: "environment", project, environment };
}

/** Keeps what limits are set of until the transaction ends, and answers its tenant; throws "missing" when it is not there. */
export async function holdScope(tx: Database, scope: QuotaScope): Promise<string> {
  if (scope.kind === "tenant") {
    await memberStore.lockTenant(tx, scope.tenant);
    return scope.tenant;
  }
  const { project } = scope;
  if (scope.kind === "project") return await memberStore.lockProject(tx, project);
  if (scope.kind === "deployment") {
    const key = { project, environment: "", id: scope.deployment };
    present(await deploymentStore.lock(tx, key), "deployment", scope.deployment);
  } else {
    await environmentStore.hold(tx, [scope.environment]);
    present(await environmentStore.get(tx, { project, id: scope.environment }), "environment", scope.environment);
  }
  return present(await projectStore.get(tx, project), "project", project).tenant;
}

function present<Row>(row: Row | undefined, what: string, id: string): Row {
  if (row === undefined) throw new DomainError("missing", `${what} ${id} does not exist`);
  return row;
}
