import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "./root.js";
import type { HttpRoute } from "./rpc/http-routes.js";
import { fileAnswer, type ServedFile, servedFile } from "./rpc/served-file.js";

/** For so long clients may keep what they have without asking. */
const maxAgeSeconds = 300;

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
  let page: Promise<{ readonly file: ServedFile; readonly headers: Readonly<Record<string, string>> }> | undefined;
  const load = async () => {
    const plain = await readFile(join(packageRoot(), "gen", "openapi", file));
    const headers = { ...headersOf(plain.toString("utf8")), "cache-control": `public, max-age=${maxAgeSeconds}` };
    return { file: await servedFile(plain), headers };
  };
  return {
    method: "GET",
    path,
    handle: async (request) => {
      page ??= load().catch((error: unknown) => {
        page = undefined;
        throw error;
      });
      const { file: served, headers } = await page;
      return fileAnswer(served, request, headers);
    },
  };
}

/** Nothing is loaded or run but the style that stands in the page. */
function contentPolicy(html: string): string {
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}
