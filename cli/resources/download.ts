import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { readCertificates } from "../connection.js";
import { Failure } from "../failure.js";

const mostRedirects = 5;

/** How a download is made. */
export interface DownloadOptions {
  readonly caFile: string | undefined;
  readonly timeoutMs: number;
  /** A path; undefined for stdout. */
  readonly file: string | undefined;
}

/** Fetches what a link leads to, into a file or to stdout; no token is sent along. */
export async function download(url: string, { caFile, timeoutMs, file }: DownloadOptions): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await open(url, caFile, signal, mostRedirects);
  if (file === undefined) return await pipeline(answer, process.stdout, { end: false, signal });
  // Whoever looks at the file sees all of it or none.
  const partial = `${file}.part`;
  try {
    await pipeline(answer, createWriteStream(partial, { mode: 0o600 }), { signal });
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function open(
  url: string,
  caFile: string | undefined,
  signal: AbortSignal,
  redirects: number,
): Promise<IncomingMessage> {
  const answer = await request(url, caFile, signal);
  const { statusCode = 0, headers } = answer;
  if (statusCode === 200) return answer;
  answer.resume();
  if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined && redirects > 0) {
    return await open(new URL(headers.location, url).href, caFile, signal, redirects - 1);
  }
  throw new Failure(statusCode === 404 ? "missing" : "general", `the download failed with HTTP status ${statusCode}`);
}

async function request(url: string, caFile: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  const isPlain = url.startsWith("http://");
  const [{ get: plain }, { get: secure }, { rootCertificates }] = await Promise.all([
    import("node:http"),
    import("node:https"),
    import("node:tls"),
  ]);
  const ca = caFile === undefined ? {} : { ca: [...rootCertificates, readCertificates(caFile)] };
  return await new Promise((resolve, reject) => {
    const asked = isPlain ? plain(url, { signal }, resolve) : secure(url, { signal, ...ca }, resolve);
    asked.once("error", reject);
  });
}
