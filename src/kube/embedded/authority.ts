// The certificate library wants this polyfill to be there before it.
import "reflect-metadata";

import { webcrypto, X509Certificate } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  X509Certificate as ParsedCertificate,
  PemConverter,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its private key, both as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority of one server. */
export interface Authority {
  /** PEM of its own certificate, which kubeconfigs carry. */
  readonly certificate: string;
  /** Issues the certificate that the server shows. */
  issueServer(hosts: readonly string[]): Promise<KeyPair>;
  /** Issues a client certificate: the common name is the user, the organizations are the groups. */
  issueClient(user: string, groups: readonly string[], seconds: number): Promise<KeyPair & { expires: Date }>;
  /**
   * Signs a request (PKCS #10, PEM): subject and key are its own, `groups` come on top. Throws an Error when it is
   * not signed by its own key. Answers the certificate as PEM.
   */
  signRequest(request: string, groups: readonly string[], seconds: number): Promise<string>;
  /** Whether a client certificate is of this authority; its validity in time is not looked at. */
  hasIssued(certificate: X509Certificate): boolean;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const dayMs = 24 * 3600 * 1000;
const authorityDays = 3650;
const fileName = "authority.pem";

/** Reads the authority of a directory, or makes one and keeps it there, readable by its owner only. */
export async function openAuthority(directory: string | undefined, clock: () => Date): Promise<Authority> {
  const stored = directory && (await readStored(join(directory, fileName)));
  if (stored) return authorityOf(stored, clock);
  const made = await makeAuthority(clock());
  if (directory) await store(directory, made);
  return authorityOf(made, clock);
}

async function readStored(path: string): Promise<KeyPair | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const [certificate, key] = text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----\n?/g) ?? [];
  if (text !== "" && (!certificate || !key)) throw new Error(`${path} does not hold a certificate and a key`);
  return certificate && key ? { certificate, key } : undefined;
}

async function store(directory: string, pair: KeyPair): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Written aside and renamed, so that a killed process leaves no half a file.
  const aside = join(directory, `${fileName}.new`);
  await writeFile(aside, `${pair.certificate}\n${pair.key}\n`, { mode: 0o600 });
  await rename(aside, join(directory, fileName));
}

async function makeAuthority(now: Date): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: new Name([{ CN: ["slipway embedded kubernetes"] }]),
    ...validity(now, authorityDays * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await exportKey(keys.privateKey) };
}

type Sign = (
  subject: Name,
  publicKey: webcrypto.CryptoKey,
  lifetimeMs: number,
  extensions: Extension[],
) => Promise<ParsedCertificate>;

async function signerOf(pair: KeyPair, clock: () => Date): Promise<Sign> {
  const pkcs8 = PemConverter.decodeFirst(pair.key);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  const issuer = new ParsedCertificate(pair.certificate).subjectName;
  return (subject, publicKey, lifetimeMs, extensions) =>
    X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer,
      ...validity(clock(), lifetimeMs),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey,
      extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true), ...extensions],
    });
}

async function authorityOf(pair: KeyPair, clock: () => Date): Promise<Authority> {
  const sign = await signerOf(pair, clock);
  const own = new X509Certificate(pair.certificate);
  const issue = async (subject: Name, lifetimeMs: number, extensions: Extension[]) => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await sign(subject, keys.publicKey, lifetimeMs, extensions);
    const pem = { certificate: certificate.toString("pem"), key: await exportKey(keys.privateKey) };
    return { ...pem, expires: certificate.notAfter };
  };
  return {
    certificate: pair.certificate,
    issueServer: (hosts) =>
      issue(new Name([{ CN: ["slipway"] }]), authorityDays * dayMs, [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(hosts.map(hostName)),
      ]),
    issueClient: (user, groups, seconds) =>
      issue(new Name([{ CN: [user] }, ...groups.map((group) => ({ O: [group] }))]), seconds * 1000, [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      ]),
    async signRequest(request, groups, seconds) {
      const { subject, publicKey } = await verified(request);
      const name = new Name([...subject.toJSON(), ...groups.map((group) => ({ O: [group] }))]);
      const forClients = new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]);
      return (await sign(name, publicKey, seconds * 1000, [forClients])).toString("pem");
    },
    hasIssued: (certificate) => certificate.checkIssued(own) && certificate.verify(own.publicKey),
  };
}

/** The subject and key of a request, which must be signed by that key. */
async function verified(request: string): Promise<{ subject: Name; publicKey: webcrypto.CryptoKey }> {
  const parsed = new Pkcs10CertificateRequest(PemConverter.decodeFirst(request));
  if (!(await parsed.verify())) throw new Error("the request is not signed by its own key");
  return { subject: parsed.subjectName, publicKey: await parsed.publicKey.export() };
}

/** Valid from a minute ago, for callers whose clock is behind. */
function validity(now: Date, lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - 60_000), notAfter: new Date(now.getTime() + lifetimeMs) };
}

function hostName(host: string): { type: "ip" | "dns"; value: string } {
  return { type: /^[\d.]+$|:/.test(host) ? "ip" : "dns", value: host };
}

function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  // A set first bit would make it a negative number.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}
