import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DomainError } from "../../../../src/errors.js";
import { readSshPublicKey } from "../../../../src/resources/iam/credential/ssh-key.js";
import { dss, ecdsa, ed25519, rsa, weakRsa } from "./ssh-keys.js";

/** Why a text is no SSH public key; undefined when it is one. */
function fault(text: string): string | undefined {
  try {
    readSshPublicKey(text);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ kind: "invalid", violations: [{ field: "public_key" }] });
    return (error as DomainError).message;
  }
}

describe("an SSH public key", () => {
  // What ssh-keygen -l says of these keys.
  it.each([
    [ed25519, "SHA256:poabGERufhfZCanpe3yY1Z1RMu1bPQav0j3Hd8UKZDk"],
    [rsa, "SHA256:xi6xzNgCU29+WUJ+6tSaAknJYjfztQkDdW9oGZCVA6Q"],
    [ecdsa, "SHA256:onGkKYdWW97MwGgHYoyfhnLw10ZjlRW6UXvLiwvGVTE"],
  ])("is kept as it is, with its fingerprint: %s", (publicKey, fingerprint) => {
    expect(readSshPublicKey(publicKey)).toEqual({ publicKey, fingerprint });
  });

  it("is brought into one form", () => {
    const [type, base64] = ed25519.split(" ");
    expect(readSshPublicKey(`  ${type}\t ${base64}   two words \n`).publicKey).toBe(`${type} ${base64} two words`);
    expect(readSshPublicKey(`${type} ${base64}\r\n`).publicKey).toBe(`${type} ${base64}`);
  });

  const [type = "", base64 = ""] = ed25519.split(" ");
  it.each([
    ["a DSA key", dss, /one of the types/],
    ["an RSA key of 1024 bits", weakRsa, /2048 bits/],
    ["options before the key", `no-pty,command="id" ${ed25519}`, /without options/],
    ["one option", `restrict ${ed25519}`, /one of the types|must read/],
    ["two lines", `${ed25519}\n${rsa}`, /one line/],
    ["a line that is folded", `${type} ${base64.slice(0, 20)}\n${base64.slice(20)}`, /one line/],
    ["nothing but a type", type, /must read/],
    ["nothing", "", /must read/],
    ["another type than the key's", `ssh-rsa ${base64}`, /cut off or damaged/],
    ["a key that is cut off", `${type} ${base64.slice(0, -8)}`, /cut off or damaged/],
    ["a key with something after it", `${type} ${base64}AAAA`, /cut off or damaged/],
    ["a point that is not on the curve", damagedPoint(), /cut off or damaged/],
    ["a control character in the comment", `${ed25519} \u001b[31m`, /printable/],
    ["a long comment", `${ed25519} ${"x".repeat(300)}`, /256/],
    ["a certificate", `ssh-ed25519-cert-v01@openssh.com ${base64}`, /one of the types/],
  ])("is not %s", (_, text, reason) => {
    expect(fault(text)).toMatch(reason);
  });

  it("is no private key, which shows nowhere in the refusal", () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const folded = pem.replaceAll("\n", " ");
    for (const text of [pem, folded, pem.replaceAll("-", ""), `ssh-ed25519 ${pem}`]) {
      expect(fault(text)).toMatch(/private key/);
      expect(fault(text)).not.toContain(pem.split("\n")[1]);
    }
  });

  it("is never read from damaged text as another key, and no text is a defect", () => {
    const damaged = fc
      .record({ at: fc.nat(base64.length - 1), by: fc.constantFrom(..."AQgw+/9zM") })
      .map(({ at, by }) => `${type} ${base64.slice(0, at)}${by}${base64.slice(at + 1)}`);
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.string(),
          fc.base64String().map((text) => `${type} ${text}`),
        ),
        (text) => {
          if (fault(text) === undefined) expect(readSshPublicKey(text).publicKey).toBe(text.trim());
        },
      ),
    );
  });
});

/** The key with its last byte changed, so that its point satisfies no curve. */
function damagedPoint(): string {
  const [kind = "", text = ""] = ecdsa.split(" ");
  const bytes = Buffer.from(text, "base64");
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return `${kind} ${bytes.toString("base64")}`;
}
