import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ProjectRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import {
  type AuthServiceExchangeTokenResponseSchema,
  type AuthServiceWhoAmIResponseSchema,
  type IdentityProviderSchema,
  ProviderKind,
} from "../../../../gen/ts/iam/v1/auth_pb.js";
import type { Caller } from "../../../caller.js";
import type { ProviderInfo } from "../../../providers.js";
import { principalMessage } from "../principal/messages.js";
import type { PrincipalRow } from "../principal/store.js";
import type { Exchanged } from "./exchange.js";

const providerKinds = {
  github: ProviderKind.GITHUB,
  azure: ProviderKind.AZURE,
  google: ProviderKind.GOOGLE,
  oidc: ProviderKind.OIDC,
} as const;

/** An identity provider as everybody sees it. */
export function providerMessage({
  id,
  name,
  kind,
  issuer,
}: ProviderInfo): MessageInitShape<typeof IdentityProviderSchema> {
  return { id, name, kind: providerKinds[kind], issuer };
}

/** An access token, and how to come to the next. */
export function exchangedMessage(
  exchanged: Exchanged,
  row: PrincipalRow,
): MessageInitShape<typeof AuthServiceExchangeTokenResponseSchema> {
  const { access } = exchanged;
  const message = {
    accessToken: access.secret,
    expiresAt: timestampFromDate(access.row.expiresAt),
    principal: principalMessage(row, "all"),
  };
  if (!("renewal" in exchanged)) return message;
  const { renewal: refreshToken, expiresAt } = exchanged;
  return { ...message, refreshToken, sessionExpiresAt: timestampFromDate(expiresAt) };
}

/** Who calls, and what the calling token gives. */
export function callerMessage(
  caller: Caller,
  row: PrincipalRow,
): MessageInitShape<typeof AuthServiceWhoAmIResponseSchema> {
  const { tokenId, tokenType, expiresAt, granted, teams } = caller;
  return {
    principal: principalMessage(row, "all"),
    tokenId,
    tokenType: tokenType === "console" ? TokenType.CONSOLE : TokenType.API,
    ...(expiresAt === undefined ? {} : { expiresAt: timestampFromDate(expiresAt) }),
    projectRoles: ofProjects(granted.projectRoles),
    tenantRoles: Object.fromEntries(granted.tenantRoles),
    ...(granted.adminRole === undefined ? {} : { adminRole: granted.adminRole }),
    teams: [...teams],
  };
}

/** Without the roles in environments and deployments, whose subjects are paths. */
function ofProjects(roles: ReadonlyMap<string, ProjectRole>): Record<string, ProjectRole> {
  return Object.fromEntries([...roles].filter(([subject]) => !subject.includes("/")));
}
