import { createPublicKey } from "node:crypto";
import { createRequire } from "node:module";
import type sshpk from "sshpk";
import { invalidField } from "../../../errors.js";

/** An SSH public key as it is stored. */
export interface SshPublicKey {
  /** `type base64 comment`, in one line. */
  readonly publicKey: string;
  /** `SHA256:` and 43 characters, as ssh-keygen prints it. */
  readonly fingerprint: string;
}

/** Loads the library at the first key: most processes never see one. */
const parser = (): typeof sshpk => createRequire(import.meta.url)("sshpk") as typeof sshpk;

const types = new Set(["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]);
const smallestRsa = 2_048;
const longestComment = 256;

/**
 * Reads an SSH public key: one line of type, base64 and comment, without options before it; throws "invalid" for
 * anything else. Nothing of the text shows in the words: it may be a private key by mistake.
 */
export function readSshPublicKey(text: string): SshPublicKey {
  const line = text.trim();
  if (/PRIVATE KEY/i.test(line)) {
    throw wrong(
      "this is a private key, which is for nobody else: make a new pair, and send the file that ends in .pub",
    );
  }
  if (/[\r\n]/.test(line)) throw wrong("must be one line");
  const [, type = "", base64 = "", comment = ""] =
    /^([a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+(\S.*))?$/.exec(line) ?? [];
  if (type === "") throw wrong("must read: type, base64, comment; without options before the type");
  if (!types.has(type)) throw wrong(`must be of one of the types ${[...types].join(", ")}`);
  if (comment.length > longestComment || /\p{Cc}/u.test(comment)) {
    throw wrong(`the comment must be at most ${longestComment} printable characters`);
  }
  const key = readKey(type, base64);
  if (key.type === "rsa" && key.size < smallestRsa) throw wrong(`an RSA key must have ${smallestRsa} bits or more`);
  return {
    publicKey: [type, base64, comment].filter((part) => part !== "").join(" "),
    fingerprint: key.fingerprint("sha256").toString(),
  };
}

/** The key, which must be the only way to write it down, of the type that it says it is, and a key to OpenSSL, too. */
function readKey(type: string, base64: string): sshpk.Key {
  try {
    const bytes = Buffer.from(base64, "base64");
    const key = parser().parseKey(bytes, "rfc4253");
    const [written, encoded] = key.toString("ssh").split(" ");
    if (written !== type || encoded !== base64 || bytes.toString("base64") !== base64) throw new Error("not canonical");
    createPublicKey(key.toString("pkcs8"));
    return key;
  } catch {
    throw wrong("is no SSH public key: it is cut off or damaged");
  }
}

const wrong = (message: string) => invalidField("public_key", message);
