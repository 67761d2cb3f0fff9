import http from "node:http";
import https from "node:https";
import { DomainError } from "../errors.js";
import { type AddressScope, inScope, scopedLookup } from "../kube/addresses.js";
import { type Deadline, startDeadline } from "../kube/deadline.js";
import { pause } from "../pause.js";
import { connectionFailure, refused, silent, Transient, unusable } from "./failure.js";
import { isNamed, literalAddress, type Site } from "./mirrors.js";

/** A request for something at a site. */
export interface Ask {
  readonly site: Site;
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Shown to the origin of `url` and to no other, wherever that leads. */
  readonly authorization?: string | undefined;
}

/** An answer whose head is there. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: http.IncomingMessage;
  /** Whether the origin that was asked has answered by itself, and sent nobody elsewhere. */
  readonly isOwn: boolean;
}

/** Asks the servers of others, who may be slow, wrong or hostile. */
export interface Http {
  /**
   * Reads the answer, after redirects. What is transient is asked again, twice at most; throws DomainError for all that
   * keeps an answer from coming, and what `read` throws.
   */
  ask<T>(request: Ask, read: (answer: Answer) => Promise<T>, signal: AbortSignal): Promise<T>;
}

const retries = 2;
const firstPauseMs = 200;
/** Who wants to be left alone for longer than this gets no further request. */
const longestPauseMs = 5_000;
const mostRedirects = 5;
const socketsPerHost = 16;
const transientStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Opens a client for addresses of that scope; the sites that an operator has named may be anywhere. One call takes
 * `callMs` milliseconds at most.
 */
export function openHttp(scope: AddressScope, callMs: number): Http {
  const agentFor = openAgents(scope);
  return {
    async ask(request, read, signal) {
      const { host } = request.site;
      for (let tries = 0; ; tries += 1) {
        try {
          return await attempt(host, startDeadline(callMs, signal), signal, async (within) => {
            const answer = await follow(request, agentFor, within);
            try {
              if (transientStatuses.has(answer.status)) throw busy(answer);
              return await read(answer);
            } finally {
              answer.body.destroy();
            }
          });
        } catch (error) {
          if (!(error instanceof Transient)) throw error;
          const waitMs = error.retryAfterMs ?? firstPauseMs * 2 ** tries;
          if (tries === retries || waitMs > longestPauseMs) throw silent(host, error.message, error.retryAfterMs);
          await pause(waitMs, signal);
          signal.throwIfAborted();
        }
      }
    },
  };
}

type AgentFor = (site: Site, url: URL) => http.Agent;

/** Chooses the connection to a URL to which a site has led; throws DomainError where none may be opened. */
function openAgents(scope: AddressScope): AgentFor {
  const settings = { maxSockets: socketsPerHost };
  const named = { http: new http.Agent(settings), https: new https.Agent(settings) };
  const scoped = scope === "any" ? named.https : new https.Agent({ ...settings, lookup: scopedLookup(scope) });
  return (site, url) => {
    if (isNamed(site, url)) return url.protocol === "http:" ? named.http : named.https;
    if (url.protocol !== "https:") throw unusable(site.host, "leads to a URL that is not https");
    const address = literalAddress(url);
    if (address !== undefined && !inScope(address, scope)) throw refused(site.host);
    return scoped;
  };
}

/** Sends a request and goes where the answers lead. */
async function follow(request: Ask, agentFor: AgentFor, signal: AbortSignal): Promise<Answer> {
  const { host } = request.site;
  let { url, authorization } = request;
  for (let hops = 0; hops <= mostRedirects; hops += 1) {
    const body = await send({ ...request, url, authorization }, agentFor(request.site, url), signal);
    const status = body.statusCode ?? 0;
    const { location } = body.headers;
    if (!redirectStatuses.has(status) || location === undefined) {
      return { status, headers: body.headers, body, isOwn: url.origin === request.url.origin };
    }
    body.destroy();
    if (!URL.canParse(location, url.href)) throw unusable(host, "leads to what is no URL");
    const next = new URL(location, url);
    if (next.origin !== url.origin) authorization = undefined;
    url = next;
  }
  throw unusable(host, "leads from one URL to the next without an end");
}

/** One call with its deadline; broken connections come out as what they mean. */
async function attempt<T>(
  host: string,
  deadline: Deadline,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await work(deadline.signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof DomainError || error instanceof Transient) throw error;
    if (deadline.signal.aborted) throw new Transient("does not answer in time", undefined);
    throw connectionFailure(host, error);
  } finally {
    deadline.stop();
  }
}

function send(request: Ask, agent: http.Agent, signal: AbortSignal): Promise<http.IncomingMessage> {
  const { url, method, authorization } = request;
  const headers = {
    "user-agent": "slipway",
    ...request.headers,
    ...(authorization === undefined ? {} : { authorization }),
  };
  // A name and a password in a URL that an answer leads to would become a header of their own.
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  const client = plain.protocol === "http:" ? http : https;
  return new Promise((resolve, reject) => {
    const outgoing = client.request(plain, { method, headers, agent, signal }, resolve);
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function busy({ status, headers }: Answer): Transient {
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  const retryAfterMs = Number.isInteger(seconds) && seconds >= 0 ? Math.min(seconds, 86_400) * 1_000 : undefined;
  const message = status === 429 ? "lets nobody ask so often" : `answers with status ${status}`;
  return new Transient(message, retryAfterMs);
}

/** Reads a whole body of `most` bytes at most; throws DomainError "unavailable" for a longer one. */
export async function readBody({ body }: Answer, most: number, host: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) throw unusable(host, `answers with more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** Reads a JSON body likewise; throws DomainError "unavailable" for what is none. */
export async function readJson(answer: Answer, most: number, host: string): Promise<unknown> {
  return parseJson(await readBody(answer, most, host), host);
}

/** The fields of an object; none of what is no object. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Reads JSON; throws DomainError "unavailable" for what is none. */
export function parseJson(body: Buffer, host: string): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    // The parser's message quotes the text.
    throw unusable(host, "answers with what is not JSON");
  }
}
