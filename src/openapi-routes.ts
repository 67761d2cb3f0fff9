import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { packageRoot } from "./root.js";
import type { HttpAnswer, HttpRequest, HttpRoute } from "./rpc/http-routes.js";

/** For so long clients may keep what they have without asking. */
const maxAgeSeconds = 300;

const compress = promisify(gzip);

/** A file that is served, read and compressed once. */
interface Page {
  readonly plain: Uint8Array;
  readonly gzipped: Uint8Array;
  readonly tag: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** /openapi.json, the API in OpenAPI, and /reference, the same for people; both are generated from the contract. */
export function openApiRoutes(): readonly HttpRoute[] {
  return [
    pageRoute("/openapi.json", "openapi.json", () => ({ "content-type": "application/json" })),
    pageRoute("/reference", "reference.html", (html) => ({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": contentPolicy(html),
      "referrer-policy": "no-referrer",
    })),
  ];
}

function pageRoute(path: string, file: string, headersOf: (text: string) => Record<string, string>): HttpRoute {
  let page: Promise<Page> | undefined;
  const load = async (): Promise<Page> => {
    const plain = await readFile(join(packageRoot(), "gen", "openapi", file));
    const tag = createHash("sha256").update(plain).digest("base64url");
    return { plain, gzipped: await compress(plain), tag, headers: headersOf(plain.toString("utf8")) };
  };
  return {
    method: "GET",
    path,
    handle: async (request) => {
      page ??= load().catch((error: unknown) => {
        page = undefined;
        throw error;
      });
      return pageAnswer(await page, request);
    },
  };
}

function pageAnswer(page: Page, { headers }: HttpRequest): HttpAnswer {
  const isGzipped = takesGzip(headers["accept-encoding"]);
  const etag = `"${page.tag}${isGzipped ? "-gzip" : ""}"`;
  const shared = {
    etag,
    vary: "accept-encoding",
    "cache-control": `public, max-age=${maxAgeSeconds}`,
    "x-content-type-options": "nosniff",
  };
  const known = (headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  // A stream without bytes: a content-length would have to be that of the whole page.
  if (known.includes(etag) || known.includes("*")) return { status: 304, headers: shared, body: Readable.from([]) };
  const encoding = isGzipped ? { "content-encoding": "gzip" } : {};
  return {
    status: 200,
    headers: { ...shared, ...page.headers, ...encoding },
    body: isGzipped ? page.gzipped : page.plain,
  };
}

/** Whether a client names gzip, and not with a weight of 0. */
function takesGzip(accepted: string | string[] | undefined): boolean {
  return String(accepted ?? "")
    .split(",")
    .map((coding) => coding.split(";").map((part) => part.trim()))
    .some(([name, weight]) => name === "gzip" && !/^q=0(\.0*)?$/.test(weight ?? ""));
}

/** Nothing is loaded or run but the style that stands in the page. */
function contentPolicy(html: string): string {
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}
