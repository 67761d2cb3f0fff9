import { createHash } from "node:crypto";
import { DomainError } from "../errors.js";
import { type Challenge, parseChallenge } from "./challenge.js";
import { basic, credentialsAdvice } from "./credentials.js";
import { silent, unusable } from "./failure.js";
import { type Answer, type Ask, fieldsOf, type Http, parseJson, readBody, readJson } from "./http.js";
import { prefixOf } from "./mirrors.js";
import { isDigest, isTag } from "./reference.js";
import type { RegistryCredentials } from "./registry.js";
import { openTokens, type Place } from "./tokens.js";

/** A place, and what its errors are about. */
export interface Target extends Place {
  /** The credentials that the caller has given, whoever they are for. */
  readonly given: RegistryCredentials | undefined;
  /** As the caller knows it, such as `registry.example/team/web:1.0`. */
  readonly words: string;
}

/** A manifest that was read. */
export interface Manifest {
  readonly digest: string;
  /** Of the configuration that it names; empty where it names none. */
  readonly configType: string;
}

/** Registries that speak the distribution API of OCI. */
export interface Distribution {
  /** The digest of the manifest with that tag or digest. */
  digestOf(target: Target, reference: string, signal: AbortSignal): Promise<string>;
  /** The manifest itself. */
  manifestOf(target: Target, reference: string, signal: AbortSignal): Promise<Manifest>;
  /** All tags of the repository. */
  tagsOf(target: Target, signal: AbortSignal): Promise<string[]>;
}

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
const longestManifest = 4 * 1_024 * 1_024;
const longestPage = 1_024 * 1_024;
const tagsPerPage = 1_000;
const mostPages = 50;
const mostTags = 20_000;

type Call = Pick<Ask, "method" | "url"> & { readonly accept: string };

/** Opens a client; it remembers bearer tokens and nothing else. */
export function openDistribution(http: Http): Distribution {
  const call = authorizedCall(http);
  const manifestOf: Distribution["manifestOf"] = (target, reference, signal) => {
    const request = { method: "GET", url: urlOf(target, `manifests/${reference}`), accept: manifestTypes } as const;
    return call(target, request, (answer) => readManifest(target, reference, answer), signal);
  };
  return {
    manifestOf,
    async digestOf(target, reference, signal) {
      const request = { method: "HEAD", url: urlOf(target, `manifests/${reference}`), accept: manifestTypes } as const;
      const told = await call(target, request, async (answer) => toldDigest(answer, reference), signal);
      return told ?? (await manifestOf(target, reference, signal)).digest;
    },
    async tagsOf(target, signal) {
      const tags: string[] = [];
      let url: URL | undefined = urlOf(target, "tags/list");
      url.searchParams.set("n", String(tagsPerPage));
      for (let page = 0; url !== undefined && page < mostPages && tags.length < mostTags; page += 1) {
        const request: Call = { method: "GET", url, accept: "application/json" };
        const found = await call(target, request, (answer) => readTags(target, request.url, answer), signal);
        tags.push(...found.tags);
        url = found.next;
      }
      if (url === undefined) return tags;
      throw new DomainError("invalid", `${target.words} has too many versions to choose from: name one in full`);
    },
  };
}

/** Answers with status 200 are read, and those to HEAD that say neither yes nor no. */
function authorizedCall(http: Http) {
  const tokens = openTokens(http);
  const authorize = async (target: Target, challenge: Challenge | undefined, signal: AbortSignal) => {
    if (challenge?.scheme === "basic" && target.credentials !== undefined) return basic(target.credentials);
    if (challenge?.scheme !== "bearer") return undefined;
    const token = await tokens.fetch(target, challenge, signal);
    return token === undefined ? undefined : `Bearer ${token}`;
  };
  return async <T>(
    target: Target,
    { method, url, accept }: Call,
    read: (answer: Answer) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> => {
    const ask = (authorization: string | undefined) =>
      http.ask(
        { site: target.site, method, url, headers: { accept }, authorization },
        async (answer) => {
          if (answer.status !== 401) return { value: await readKnown(target, method, answer, read) };
          // What another server wants, to which this one has led, is not what the credentials are for.
          return { challenge: answer.isOwn ? parseChallenge(answer.headers["www-authenticate"]) : undefined };
        },
        signal,
      );
    const known = tokens.known(target);
    const first = await ask(known === undefined ? undefined : `Bearer ${known}`);
    if ("value" in first) return first.value;
    const authorization = await authorize(target, first.challenge, signal);
    if (authorization === undefined) throw unauthorized(target);
    const second = await ask(authorization);
    if ("value" in second) return second.value;
    throw unauthorized(target);
  };
}

async function readKnown<T>(target: Target, method: string, answer: Answer, read: (answer: Answer) => Promise<T>) {
  const { status } = answer;
  if (status === 200) return await read(answer);
  if (status === 403) throw unauthorized(target);
  if (status === 404) throw new DomainError("missing", `there is no ${target.words}: check the name and the tag`);
  if (status === 400) {
    throw new DomainError("invalid", `${target.site.host} refuses the name ${target.words}: check name and tag`);
  }
  // Some servers know no HEAD.
  if (method === "HEAD" && (status === 405 || status === 501)) return await read(answer);
  throw silent(target.site.host, `answers with status ${status}`);
}

const unauthorized = ({ words, given, credentials }: Target): DomainError => {
  const advice = credentialsAdvice(given, credentials);
  return new DomainError("precondition", `${words} is not there for these credentials: ${advice}`);
};

/** Repositories, tags and digests were checked: none has a character that a URL takes otherwise. */
function urlOf(target: Target, path: string): URL {
  const prefix = prefixOf(target.site);
  const repository = prefix === "" ? target.repository : `${prefix}/${target.repository}`;
  return new URL(`/v2/${repository}/${path}`, target.site.url);
}

function toldDigest({ status, headers }: Answer, reference: string): string | undefined {
  const told = headers["docker-content-digest"];
  if (status !== 200 || typeof told !== "string" || !isDigest(told)) return undefined;
  return isDigest(reference) && told !== reference ? undefined : told;
}

async function readManifest({ site, words }: Target, reference: string, answer: Answer): Promise<Manifest> {
  const body = await readBody(answer, longestManifest, site.host);
  const { schemaVersion, config } = fieldsOf(parseJson(body, site.host));
  // Any web server may answer any path with something.
  if (schemaVersion !== 2) throw unusable(site.host, "answers with what is no manifest");
  const algorithm = reference.startsWith("sha512:") ? "sha512" : "sha256";
  const digest = `${algorithm}:${createHash(algorithm).update(body).digest("hex")}`;
  if (isDigest(reference) && digest !== reference) throw unusable(site.host, `has another manifest for ${words}`);
  const configType = fieldsOf(config).mediaType;
  return { digest, configType: typeof configType === "string" ? configType : "" };
}

async function readTags({ site }: Target, asked: URL, answer: Answer) {
  const { tags } = fieldsOf(await readJson(answer, longestPage, site.host));
  const all: unknown[] = Array.isArray(tags) ? tags : [];
  const links = String(answer.headers.link ?? "").slice(0, 2_048);
  const link = /<([^<>]*)>\s*;[^,]*\brel="?next"?/i.exec(links)?.[1];
  return {
    tags: all.flatMap((tag) => (typeof tag === "string" && isTag(tag) ? tag : [])),
    next: nextOf(site.host, asked, link),
  };
}

/** The next page, which is another part of the same list. */
function nextOf(host: string, asked: URL, link: string | undefined): URL | undefined {
  if (link === undefined) return undefined;
  const next = URL.canParse(link, asked.href) ? new URL(link, asked) : undefined;
  if (next?.origin === asked.origin && next.pathname === asked.pathname) return next;
  throw unusable(host, "continues its list of tags elsewhere");
}
