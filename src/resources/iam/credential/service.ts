import type { ConnectRouter } from "@connectrpc/connect";
import {
  CredentialService,
  type CredentialServiceListRequest,
  type CredentialServiceUpdateRequest,
} from "../../../../gen/ts/iam/v1/credential_pb.js";
import { callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { principalStore } from "../principal/store.js";
import { createCredential, nameTaken, refuseUncovered, rotateCredential, soon } from "./issue.js";
import { credentialKindName, credentialMessage } from "./messages.js";
import { reaches } from "./rules.js";
import { type CredentialScope, credentialStore, type UsedCredential } from "./store.js";

/** iam.v1.CredentialService: API keys, client secrets and SSH public keys. */
export function registerCredential(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(CredentialService, {
    async create(request, context) {
      const { row, secret } = await createCredential(platform, request, callerOf(context));
      return { credential: credentialMessage(row), secret };
    },
    async get({ login, uuid }, context) {
      return { credential: credentialMessage(await found(platform, { login, user: callerOf(context).user }, uuid)) };
    },
    async list(request, context) {
      return { credentials: (await list(platform, request, callerOf(context).user)).map(credentialMessage) };
    },
    async update(request, context) {
      const caller = callerOf(context);
      const scope = { login: request.login, user: caller.user };
      const row = await found(platform, scope, request.uuid);
      // Whoever knows the secret of a credential gets what it gives when it holds again, or for longer.
      if (request.enabled || request.expires) {
        await refuseUncovered(platform, caller, { method: "Update", login: scope.login, principal: row.principal });
      }
      await change(platform, scope, request);
      return { credential: credentialMessage(await found(platform, scope, request.uuid)) };
    },
    async rotate(request, context) {
      const caller = callerOf(context);
      const scope = { login: request.login, user: caller.user };
      const row = await found(platform, scope, request.uuid);
      const secret = await rotateCredential(platform, { row, overlap: request.overlap }, caller, scope);
      return { credential: credentialMessage(await found(platform, scope, request.uuid)), secret };
    },
    async delete({ login, uuid }, context) {
      const scope = { login, user: callerOf(context).user };
      const row = await found(platform, scope, uuid);
      if (!(await credentialStore.removeUnused(db, scope, uuid, platform.clock()))) {
        throw new DomainError("precondition", `credential ${uuid} is enabled: disable it first`);
      }
      return { credential: credentialMessage(row) };
    },
  });
}

async function list(platform: Platform, request: CredentialServiceListRequest, user: string) {
  const { login, principal } = request;
  const kind = credentialKindName(request.kind);
  if (principal === "") return await credentialStore.list(platform.db, { login, user }, { kind });
  const owner = await principalStore.get(platform.db, principal);
  if (owner === undefined || !reaches(user, login, owner)) {
    throw new DomainError("missing", `principal ${principal} does not exist in tenant ${login}`);
  }
  return await credentialStore.list(platform.db, { login, user }, { principal, kind });
}

async function change(platform: Platform, scope: CredentialScope, request: CredentialServiceUpdateRequest) {
  const { uuid, name, enabled, expires } = request;
  const set = {
    ...(name === undefined ? {} : { name }),
    ...(enabled === undefined ? {} : { enabled }),
    ...(expires === undefined ? {} : { expiresAt: soon(platform.clock(), expires) }),
  };
  if (Object.keys(set).length === 0) return;
  const changed = await credentialStore.change(platform.db, scope, uuid, set).catch((error: unknown) => {
    throw nameTaken(error) ?? error;
  });
  if (!changed) throw missing(uuid);
}

async function found(platform: Platform, scope: CredentialScope, uuid: string): Promise<UsedCredential> {
  const row = await credentialStore.get(platform.db, scope, uuid);
  if (row === undefined) throw missing(uuid);
  return row;
}

const missing = (uuid: string): DomainError => new DomainError("missing", `credential ${uuid} does not exist`);
