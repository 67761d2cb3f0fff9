import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Credential, CredentialKind, CredentialSchema } from "../../../../gen/ts/iam/v1/credential_pb.js";
import type { CredentialKindName, UsedCredential } from "./store.js";

const kinds: Readonly<Record<CredentialKindName, CredentialKind>> = {
  api_key: CredentialKind.API_KEY,
  client_secret: CredentialKind.CLIENT_SECRET,
  ssh_public_key: CredentialKind.SSH_PUBLIC_KEY,
};

/** A credential as the API shows it: never with a secret or a digest. */
export function credentialMessage(row: UsedCredential): Credential {
  const { id: uuid, principal, name, enabled, createdBy, expiresAt, lastUsedAt } = row;
  return create(CredentialSchema, {
    uuid,
    principal,
    kind: kinds[row.kind],
    name,
    enabled,
    createdAt: timestampFromDate(row.createdAt),
    createdBy,
    ...(expiresAt === null ? {} : { expiresAt: timestampFromDate(expiresAt) }),
    ...(lastUsedAt === null ? {} : { lastUsedAt: timestampFromDate(lastUsedAt) }),
    rotatedAt: timestampFromDate(row.rotatedAt),
    publicKey: row.publicKey ?? "",
    fingerprint: row.fingerprint ?? "",
  });
}

/** The database name of a kind; undefined for UNSPECIFIED. */
export function credentialKindName(kind: CredentialKind | undefined): CredentialKindName | undefined {
  return (Object.keys(kinds) as CredentialKindName[]).find((name) => kinds[name] === kind);
}
