import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type SecretSchema, SecretType } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import type { SecretRow, SecretView } from "./store.js";
import type { CertificateFacts } from "./table.js";

/** Types and their numbers in the API. */
const secretTypes = {
  opaque: SecretType.OPAQUE,
  tls: SecretType.TLS,
  cloud_credential: SecretType.CLOUD_CREDENTIAL,
  registry: SecretType.REGISTRY,
} as const satisfies Record<SecretRow["type"], SecretType>;

/** The type of a number of the API; undefined for UNSPECIFIED. */
export function secretTypeOf(number: SecretType | undefined): SecretRow["type"] | undefined {
  return (Object.keys(secretTypes) as SecretRow["type"][]).find((type) => secretTypes[type] === number);
}

/** A secret as the API shows it: without its content. */
export function secretMessage(row: SecretView): MessageInitShape<typeof SecretSchema> {
  return {
    uuid: row.id,
    project: row.project,
    environment: row.environment ?? "",
    collection: row.collection,
    name: row.name,
    description: row.description,
    type: secretTypes[row.type],
    version: BigInt(row.version),
    keys: [...row.keys],
    ...(row.certificate === null ? {} : { certificate: certificateMessage(row.certificate) }),
    labels: { ...row.labels },
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
  };
}

function certificateMessage({ notBefore, notAfter, dnsNames, ...facts }: CertificateFacts) {
  return {
    ...facts,
    dnsNames: [...dnsNames],
    notBefore: timestampFromDate(new Date(notBefore)),
    notAfter: timestampFromDate(new Date(notAfter)),
  };
}
