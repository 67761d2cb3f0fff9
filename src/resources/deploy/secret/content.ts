import type { SecretData } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { invalidField } from "../../../errors.js";
import type { SecretRow } from "./store.js";
import type { CertificateFacts } from "./table.js";
import { certificateFacts } from "./tls.js";

const mostBytes = 1_048_576;

/** The content of a version, before it is sealed. */
export interface SecretContent {
  /** In alphabetical order. */
  readonly keys: readonly string[];
  /** JSON of base64 by key. */
  readonly plain: string;
  readonly certificate: CertificateFacts | null;
}

type Values = ReadonlyMap<string, Uint8Array>;

/** Reads the content of a request; throws "invalid" for what the type does not bear. No value shows in the words. */
export function contentOf(type: SecretRow["type"], { values: given }: SecretData): SecretContent {
  // The one name that an object of JavaScript cannot hold: it became the object's prototype.
  if (Object.getPrototypeOf(given) !== Object.prototype) throw badKeys("must not have the key __proto__");
  const values: Values = new Map(Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1)));
  const keys = [...values.keys()];
  if (keys.some((key) => key === "." || key.startsWith(".."))) {
    throw badKeys("must not have the key `.`, or one that begins with `..`");
  }
  const bytes = [...values.values()].reduce((sum, value) => sum + value.length, 0);
  if (bytes > mostBytes) throw invalidField("data.values", "must be 1 MiB together at most");
  const certificate = factsOf(type, values);
  const encoded = [...values].map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return { keys, plain: JSON.stringify(Object.fromEntries(encoded)), certificate };
}

/** The values of a content that was opened; of one key, if it is given and there. */
export function valuesOf(plain: string, key?: string): Record<string, Uint8Array> {
  const stored: Readonly<Record<string, string>> = JSON.parse(plain);
  const asked = Object.entries(stored).filter(([name]) => key === undefined || name === key);
  return Object.fromEntries(asked.map(([name, value]) => [name, new Uint8Array(Buffer.from(value, "base64"))]));
}

function factsOf(type: SecretRow["type"], values: Values): CertificateFacts | null {
  if (type === "tls") {
    const [crt, key] = needed(values, ["tls.crt", "tls.key"]);
    return certificateFacts(crt ?? new Uint8Array(), key ?? new Uint8Array());
  }
  if (type === "registry") refuseBadRegistry(values);
  return null;
}

/** The values of these keys, if they are there, and no others. */
function needed(values: Values, keys: readonly string[]): Uint8Array[] {
  const others = [...values.keys()].some((key) => !keys.includes(key));
  const own = keys.flatMap((key) => values.get(key) ?? []);
  if (others || own.length < keys.length) throw badKeys(`must have the keys ${keys.join(", ")}, and no others`);
  return own;
}

function refuseBadRegistry(values: Values): void {
  const keys = ["server", "username", "password"];
  for (const [i, value] of needed(values, keys).entries()) {
    const field = `data.values["${keys[i]}"]`;
    const text = textOf(value);
    if (text === undefined || text === "" || /\p{Cc}/u.test(text)) {
      throw invalidField(field, "must be text, not empty and without control characters");
    }
    if (keys[i] === "server" && /\s/.test(text)) throw invalidField(field, "must not have spaces");
    // They are sent as `username:password`.
    if (keys[i] === "username" && text.includes(":")) throw invalidField(field, "must not have a colon");
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const badKeys = (message: string) => invalidField("data.values", message);
