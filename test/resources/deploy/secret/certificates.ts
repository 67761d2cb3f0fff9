import "reflect-metadata";
import { createPrivateKey, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  type JsonName,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate with its key, as PEM, and what is needed to issue others. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  readonly name: JsonName;
  readonly keys: webcrypto.CryptoKeyPair;
}

const algorithms = {
  ec: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  rsa: { name: "RSASSA-PKCS1-v1_5", modulusLength: 2_048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
};

let serial = 0;

/** What a certificate says; it is signed by itself unless an issuer is given. */
export interface Wanted {
  readonly name?: JsonName;
  readonly dns?: readonly string[];
  readonly issuer?: Issued;
  readonly kind?: keyof typeof algorithms;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** Issues a certificate. */
export async function issue({ name = [], dns = [], issuer, kind = "ec", ...validity }: Wanted = {}): Promise<Issued> {
  const keys = await webcrypto.subtle.generateKey(algorithms[kind], true, ["sign", "verify"]);
  const { notBefore = new Date("2024-01-01T00:00:00Z"), notAfter = new Date("2044-01-01T00:00:00Z") } = validity;
  serial += 1;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial.toString(16).padStart(4, "0"),
    subject: name,
    issuer: issuer?.name ?? name,
    notBefore,
    notAfter,
    signingAlgorithm: algorithms.ec,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    extensions: [
      new BasicConstraintsExtension(true),
      ...(dns.length === 0 ? [] : [new SubjectAlternativeNameExtension(dns.map((value) => ({ type: "dns", value })))]),
    ],
  });
  const key = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { cert: `${certificate.toString("pem")}\n`, key: `${key}\n`, name, keys };
}

/** The same key, encrypted: in the form of today, or in the one of old. */
export function encrypted({ key }: Pick<Issued, "key">, form: "pkcs8" | "sec1"): string {
  const options = { format: "pem", type: form, cipher: "aes-256-cbc", passphrase: "open sesame" } as const;
  return createPrivateKey(key).export(options).toString();
}
