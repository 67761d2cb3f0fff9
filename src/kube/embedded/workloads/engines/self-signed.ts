// The certificate library wants this polyfill to be there before it.
import "reflect-metadata";

import { webcrypto } from "node:crypto";
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its key, as PEM. */
export interface SelfSigned {
  readonly certificate: string;
  readonly key: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Makes a certificate for some names, signed by its own key. */
export async function selfSigned(names: readonly string[], lifetimeMs: number, now: Date): Promise<SelfSigned> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const [commonName = "certificate"] = names;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(15)))
      .toString("hex")
      .replace(/^0+/, "1"),
    name: new Name([{ CN: [commonName.slice(0, 64)] }]).toString(),
    notBefore: now,
    notAfter: new Date(now.getTime() + lifetimeMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      ...(names.length > 0
        ? [new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns" as const, value })))]
        : []),
    ],
  });
  const { notBefore, notAfter } = certificate;
  const key = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { certificate: certificate.toString("pem"), key, notBefore, notAfter };
}
