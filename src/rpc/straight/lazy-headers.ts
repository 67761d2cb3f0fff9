import type { IncomingHttpHeaders } from "node:http";

type Plain = Readonly<IncomingHttpHeaders>;

/** A value that is the same in the Fetch standard: not a list, and nothing that would be trimmed. */
const isAsIs = (value: string | string[] | undefined): value is string =>
  typeof value === "string" && !(value.charCodeAt(0) <= space) && !(value.charCodeAt(value.length - 1) <= space);

/** Before it there are only characters that headers cannot have, and those that are trimmed. */
const space = 32;

/**
 * Headers as the Fetch standard has them, over headers as Node has them, with names in lower case. What most calls never
 * ask for is made when it is asked for: Headers of their own take more memory than all else that an idle stream holds.
 * Names of HTTP/2 itself, which begin with a colon, are left out.
 */
export class LazyHeaders implements Headers {
  /** Undefined once there are real ones. */
  #plain: Plain | undefined;
  #made: Headers | undefined;

  constructor(plain: Plain) {
    this.#plain = plain;
  }

  /** A copy of what they were made of; undefined when it says something else. */
  copied(): Record<string, string> | undefined {
    const copy: Record<string, string> = {};
    for (const name in this.#plain) {
      const value = this.#plain[name];
      if (!isAsIs(value) || name.charCodeAt(0) === colon) return undefined;
      copy[name] = value;
    }
    return this.#plain === undefined ? undefined : copy;
  }

  get(name: string): string | null {
    if (this.#plain === undefined || !lowerCase.test(name)) return this.#headers().get(name);
    const value = Object.hasOwn(this.#plain, name) ? this.#plain[name] : undefined;
    if (value === undefined) return null;
    return isAsIs(value) ? value : this.#headers().get(name);
  }

  append(name: string, value: string): void {
    this.#changed().append(name, value);
  }

  delete(name: string): void {
    this.#changed().delete(name);
  }

  set(name: string, value: string): void {
    this.#changed().set(name, value);
  }

  getSetCookie(): string[] {
    return this.#headers().getSetCookie();
  }

  has(name: string): boolean {
    return this.#headers().has(name);
  }

  forEach(act: (value: string, key: string, parent: Headers) => void, self?: unknown): void {
    this.#headers().forEach((value, name) => {
      act.call(self, value, name, this);
    });
  }

  entries() {
    return this.#headers().entries();
  }

  keys() {
    return this.#headers().keys();
  }

  values() {
    return this.#headers().values();
  }

  [Symbol.iterator]() {
    return this.#headers()[Symbol.iterator]();
  }

  #headers(): Headers {
    this.#made ??= webHeaders(this.#plain ?? {});
    return this.#made;
  }

  #changed(): Headers {
    const headers = this.#headers();
    this.#plain = undefined;
    return headers;
  }
}

const lowerCase = /^[a-z0-9-]+$/;
const colon = 58;

function webHeaders(headers: Plain): Headers {
  const result = new Headers();
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || name.charCodeAt(0) === colon) continue;
    if (typeof value === "string") result.append(name, value);
    else for (const one of value) result.append(name, one);
  }
  return result;
}
