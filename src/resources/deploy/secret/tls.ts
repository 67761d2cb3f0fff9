import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { invalidField } from "../../../errors.js";
import type { CertificateFacts } from "./table.js";

const mostCertificates = 10;
const longestBlock = 65_536;
const mostBlocks = 20;
const longestName = 256;
const longestIssuer = 1_024;
/** Lists show the facts of each secret: a certificate of thousands of names is none that they can carry. */
const mostNamesLength = 16_384;

/**
 * What may be shown of a certificate, once its chain is in order and the key is its own; throws "invalid"
 * otherwise. Nothing of the texts shows in the words. One that has expired is taken.
 */
export function certificateFacts(crt: Uint8Array, key: Uint8Array): CertificateFacts {
  const chain = readChain(crt);
  const [leaf] = chain;
  if (leaf === undefined)
    throw badCertificate("holds no certificate: it must be PEM, the certificate before its chain");
  const at = chain.findIndex((each, i) => i > 0 && !isIssuedBy(chain[i - 1], each));
  if (at !== -1) {
    throw badCertificate(
      `certificate ${at + 1} has not issued the one before it: the certificate comes first, then the issuer of each`,
    );
  }
  if (!isKeyOf(leaf, readKey(key))) throw badKey("is not the key of the first certificate in tls.crt");
  return factsOf(leaf);
}

function readChain(crt: Uint8Array): X509Certificate[] {
  const blocks = pemBlocks(crt, badCertificate);
  if (blocks.some(({ label }) => label !== "CERTIFICATE")) {
    throw badCertificate("must hold certificates only: the key belongs into tls.key");
  }
  if (blocks.length > mostCertificates) throw badCertificate(`must hold ${mostCertificates} certificates at most`);
  return blocks.map(({ text }, i) => {
    try {
      return new X509Certificate(text);
    } catch {
      throw badCertificate(`certificate ${i + 1} cannot be read: it is cut off or damaged`);
    }
  });
}

function readKey(key: Uint8Array): KeyObject {
  // Tools write the parameters of a curve before the key.
  const [block, another] = pemBlocks(key, badKey).filter(({ label }) => label.endsWith("PRIVATE KEY"));
  if (block === undefined || another !== undefined) throw badKey("must hold one private key, as PEM");
  if (block.label.startsWith("ENCRYPTED") || block.text.includes("\nProc-Type:")) {
    throw badKey("is encrypted: nothing here knows its passphrase, decrypt it first");
  }
  try {
    return createPrivateKey(block.text);
  } catch {
    throw badKey("cannot be read: it is cut off, damaged or of an unknown kind");
  }
}

interface PemBlock {
  readonly label: string;
  readonly text: string;
}

// By hand: a regular expression would try again at every beginning that has no end.
function pemBlocks(bytes: Uint8Array, bad: typeof badKey): PemBlock[] {
  const text = Buffer.from(bytes).toString("latin1").replaceAll("\r\n", "\n");
  const blocks: PemBlock[] = [];
  for (let at = 0; ; ) {
    const begin = text.indexOf("-----BEGIN ", at);
    if (begin === -1) return blocks;
    const label = /^[A-Z0-9 ]{1,40}(?=-----)/.exec(text.slice(begin + 11, begin + 60))?.[0];
    const ending = `-----END ${label}-----`;
    const end = label === undefined ? -1 : text.indexOf(ending, begin);
    if (label === undefined || end === -1) throw bad("is no PEM: a block is cut off or damaged");
    at = end + ending.length;
    if (at - begin > longestBlock || blocks.length === mostBlocks) throw bad("is too large");
    blocks.push({ label, text: `${text.slice(begin, at)}\n` });
  }
}

function isIssuedBy(certificate: X509Certificate | undefined, issuer: X509Certificate): boolean {
  try {
    return certificate?.checkIssued(issuer) === true && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

function isKeyOf(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    return false;
  }
}

function factsOf(leaf: X509Certificate): CertificateFacts {
  // A name may be there several times; the last one is the narrowest.
  const name: string | string[] | undefined = leaf.toLegacyObject().subject?.CN;
  const dnsNames = dnsNamesOf(leaf.subjectAltName);
  if (dnsNames.join().length > mostNamesLength) throw badCertificate("holds for more names than can be shown");
  return {
    commonName: shown(Array.isArray(name) ? name.at(-1) : name, longestName),
    dnsNames,
    issuer: shown(leaf.issuer?.replaceAll("\n", ", "), longestIssuer),
    notBefore: timeOf(leaf.validFrom),
    notAfter: timeOf(leaf.validTo),
    fingerprint: leaf.fingerprint256.replaceAll(":", "").toLowerCase(),
  };
}

/** The host names of `DNS:a.example.org, IP Address:192.0.2.1, DNS:"odd"`; what is in quotes is no host name. */
function dnsNamesOf(names: string | undefined): string[] {
  const entries = (names ?? "").matchAll(/(?:^|, )([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...entries].flatMap(([, kind, value = ""]) => (kind === "DNS" && /^[\w*.-]+$/.test(value) ? value : []));
}

/** A text of a certificate, which may hold anything, as far as it can be shown and stored. */
const shown = (text: string | undefined, most: number): string =>
  (text ?? "").slice(0, most).replaceAll(/[\p{Cc}\p{Surrogate}]/gu, "\ufffd");

function timeOf(text: string): string {
  const time = new Date(text);
  const year = time.getUTCFullYear();
  if (!(year >= 1 && year <= 9_999)) throw badCertificate("has a validity that cannot be read");
  return time.toISOString();
}

const badCertificate = (message: string) => invalidField('data.values["tls.crt"]', message);
const badKey = (message: string) => invalidField('data.values["tls.key"]', message);
