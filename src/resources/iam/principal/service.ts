import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { PrincipalService, type PrincipalServiceListRequest } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { newSecret } from "../../../auth/secrets.js";
import { type Caller, callerOf } from "../../../caller.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { cutPage, pageOf } from "../../api/paging.js";
import { tenantRoleName } from "../../api/roles.js";
import { createPrincipal } from "./create.js";
import { deletePrincipal } from "./delete.js";
import { directoryStore } from "./directory-store.js";
import { principalKindName, principalMessage } from "./messages.js";
import { viewOf } from "./rules.js";
import { type PrincipalRow, principalStore } from "./store.js";
import { updatePrincipal } from "./update.js";

const resetMs = 86_400_000;

/** iam.v1.PrincipalService: users, bots, teams and groups. */
export function registerPrincipal(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  const shown = async (caller: Caller, login: string, row: PrincipalRow) => {
    const members = await directoryStore.membersOf(db, [row.id]);
    return { principal: principalMessage(row, viewOf(caller, login, row), members.get(row.id)) };
  };
  router.service(PrincipalService, {
    async create(request, context) {
      const caller = callerOf(context);
      return await shown(caller, request.login, await createPrincipal(platform, request, caller));
    },
    async get({ login, id }, context) {
      const row = await directoryStore.find(db, login || undefined, id);
      if (row === undefined) throw missing(id);
      return await shown(callerOf(context), login, row);
    },
    list: (request, context) => list(platform, request, callerOf(context)),
    async update(request, context) {
      const caller = callerOf(context);
      return await shown(caller, request.login, await updatePrincipal(platform, request, caller));
    },
    async delete({ login, id }, context) {
      const caller = callerOf(context);
      const row = await deletePrincipal(platform, { login, id }, caller);
      return { principal: principalMessage(row, viewOf(caller, login, row)) };
    },
    createPasswordReset: ({ id }, context) => createPasswordReset(platform, id, callerOf(context).user),
  });
}

async function list({ db }: Platform, request: PrincipalServiceListRequest, caller: Caller) {
  const { login, tag } = request;
  const role = request.role === undefined ? undefined : tenantRoleName(request.role);
  if (role !== undefined && login === "") throw invalidField("role", "needs the tenant's login");
  const page = pageOf(request.paging);
  const filter = { login: login || undefined, kind: principalKindName(request.kind), role, tag };
  const { rows, next } = cutPage(page, await directoryStore.list(db, filter, page));
  const members = await directoryStore.membersOf(
    db,
    rows.filter(({ kind }) => kind === "team" || kind === "group").map(({ id }) => id),
  );
  const principals = rows.map((row) => principalMessage(row, viewOf(caller, login, row), members.get(row.id)));
  return { principals, ...next };
}

async function createPasswordReset(platform: Platform, id: string, createdBy: string) {
  if (!platform.settings.passwordSignIn) throw new DomainError("precondition", "signing in by password is off");
  const row = await principalStore.get(platform.db, id);
  if (row === undefined) throw missing(id);
  if (row.kind !== "user") throw new DomainError("precondition", "only users have passwords");
  const { secret, digest } = newSecret("passwordReset", platform.newId());
  const expiresAt = new Date(platform.clock().getTime() + resetMs);
  await directoryStore.putPasswordReset(platform.db, { digest, principal: id, createdBy, expiresAt });
  return { resetCode: secret, expiresAt: timestampFromDate(expiresAt) };
}

const missing = (id: string): DomainError => new DomainError("missing", `principal ${id} does not exist`);
