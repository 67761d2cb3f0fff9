import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";

/** A token, or what tells the one to use now; it is asked before every call. */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

/** What every client of Slipway can be told, in Node.js and in browsers. */
export interface SlipwayOptions {
  /** Where the server is, such as `https://slipway.example.com`. */
  readonly url: string;
  /** Who is calling; without one only public methods answer. */
  readonly token?: TokenSource | undefined;
  /** Called once after UNAUTHENTICATED; a new token makes the call again. Calls that fail together renew once. */
  readonly renew?: (() => Promise<string | undefined>) | undefined;
  /** How long a unary call may take, with its retries; 30 seconds unless told. Streams have no end. */
  readonly timeoutMs?: number | undefined;
  /** They see each call once, before its token and its retries. */
  readonly interceptors?: readonly Interceptor[] | undefined;
}

/** An open client: makes clients of services, all over one transport. */
export interface Slipway {
  readonly transport: Transport;
  /** The client of a service, such as `ClusterService`. */
  client<S extends DescService>(service: S): Client<S>;
}

/** The time that a unary call has unless told otherwise. */
export const defaultTimeoutMs = 30_000;

/** A client over a transport whose unary calls all have a deadline. */
export function slipwayOver(inner: Transport, timeoutMs: number = defaultTimeoutMs): Slipway {
  const transport: Transport = {
    // Not a default of the transport itself, which would end streams, too.
    unary: (method, signal, ms, ...rest) => inner.unary(method, signal, ms ?? timeoutMs, ...rest),
    stream: (...call) => inner.stream(...call),
  };
  return { transport, client: (service) => createClient(service, transport) };
}

/** The URL of a server without what does not belong to it; throws an error that says what to change. */
export function serverUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new TypeError("url: is not a URL; it should look like https://slipway.example.com");
  }
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw new TypeError("url: must begin with https:// or http://");
  if (url.username !== "" || url.password !== "") throw new TypeError("url: must not hold credentials; give a token");
  if (url.search !== "" || url.hash !== "") throw new TypeError("url: must not have a query or a fragment");
  return url;
}
