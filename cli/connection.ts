import { readFileSync } from "node:fs";
import type { NodeSlipwayOptions, Slipway } from "../clients/ts/src/node.js";
import type { AuthServiceExchangeTokenResponse } from "../gen/ts/iam/v1/auth_pb.js";
import type { StoredSession } from "./config-file.js";
import { Failure } from "./failure.js";

/** What a connection is opened with. */
export interface ConnectionOptions {
  readonly url: string;
  readonly caFile: string | undefined;
  readonly timeoutMs: number;
  readonly interceptors?: NodeSlipwayOptions["interceptors"];
  readonly token?: NodeSlipwayOptions["token"];
  readonly renew?: NodeSlipwayOptions["renew"];
}

/** Opens a client, and loads the transport for it. */
export async function connect(options: ConnectionOptions): Promise<Slipway> {
  const { caFile, ...rest } = options;
  const { openSlipway } = await import("../clients/ts/src/node.js");
  if (caFile === undefined) return openSlipway(rest);
  const { rootCertificates } = await import("node:tls");
  return openSlipway({ ...rest, tls: { ca: [...rootCertificates, readCertificates(caFile)] } });
}

/** Renews a session with its refresh token. */
export async function refresh(options: ConnectionOptions, refreshToken: string): Promise<StoredSession> {
  const [slipway, { AuthService }] = await Promise.all([connect(options), import("../gen/ts/iam/v1/auth_pb.js")]);
  const grant = { case: "refreshToken", value: { refreshToken } } as const;
  return sessionOf(await slipway.client(AuthService).exchangeToken({ grant }));
}

/** What is kept of an answer of ExchangeToken. */
export function sessionOf(answer: AuthServiceExchangeTokenResponse): StoredSession {
  const iso = (time: { seconds: bigint } | undefined) => new Date(Number(time?.seconds ?? 0n) * 1_000).toISOString();
  const login = answer.principal?.id;
  return {
    ...(login === undefined || login === "" ? {} : { user: login }),
    accessToken: answer.accessToken,
    expiresAt: iso(answer.expiresAt),
    refreshToken: answer.refreshToken,
    ...(answer.sessionExpiresAt === undefined ? {} : { sessionExpiresAt: iso(answer.sessionExpiresAt) }),
  };
}

/** The text of a file of certificates, PEM. */
export function readCertificates(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure("usage", `--ca-file cannot be read: ${reason}`);
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Failure("usage", `--ca-file ${file} has no certificate`, ["It must be PEM: -----BEGIN CERTIFICATE-----"]);
  }
  return text;
}
