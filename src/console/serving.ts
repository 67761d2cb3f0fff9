import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Platform } from "../platform.js";
import { packageRoot } from "../root.js";
import type { HttpAnswer, HttpFallback, HttpRoute } from "../rpc/http-routes.js";
import { fileAnswer } from "../rpc/served-file.js";
import { type ConsoleFolder, consoleFolder } from "./folder.js";
import { pageHeaders, safetyHeaders } from "./headers.js";

/** The web console as it is served. */
export interface ConsoleServing {
  readonly routes: readonly HttpRoute[];
  /** The page, for "/" and whatever a browser navigates to that is nothing else. */
  readonly fallback: HttpFallback;
}

/** What serving the console needs. */
export type ConsoleSources = Pick<Platform, "issuer"> & { readonly signIn: Pick<Platform["signIn"], "providers"> };

/** Where the page has the nonce of its answer. */
const placeholder = "__CSP_NONCE__";
/** First parts of paths that are the server's own, where a page would hide that there is nothing. */
const ownParts = ["assets", "auth"];

/** Serves the console that was built into a folder. */
export function consoleServing(
  sources: ConsoleSources,
  folder = join(packageRoot(), "dist", "console"),
): ConsoleServing {
  const files = consoleFolder(folder);
  return {
    routes: [
      {
        method: "GET",
        path: "/assets/{file}",
        async handle(request) {
          const safety = safetyHeaders(sources.issuer());
          const name = request.params.file ?? "";
          const asset = await files.asset(name);
          if (asset === undefined) {
            // Another server may have it: one that is newer, while all of them are replaced in turn.
            return {
              status: 404,
              headers: { ...safety, "cache-control": "no-store" },
              body: "there is no such file\n",
            };
          }
          const cached = { "cache-control": isHashed(name) ? "public, max-age=31536000, immutable" : "no-cache" };
          return fileAnswer(asset.file, request, { ...safety, ...cached, "content-type": asset.type });
        },
      },
    ],
    fallback: {
      takes: ({ method, path, headers }) =>
        (method === "GET" || method === "HEAD") && (path === "/" || isPage(path, headers.accept)),
      handle: () => pageAnswer(files, sources),
    },
  };
}

/** Whether a file's name changes with what is in it, as in index-Bx3_k9Qa.js. */
const isHashed = (name: string): boolean => /-[\w-]{8}\.\w+$/.test(name);

/**
 * Whether a browser navigates to a path that is left to the console. Neither an RPC, whose first part has dots, nor a
 * file, whose last part has.
 */
function isPage(path: string, accept: string | undefined): boolean {
  const [first = "", ...rest] = path.slice(1).split("/");
  if (!path.startsWith("/") || first === "" || first.includes(".") || ownParts.includes(first)) return false;
  return !rest.at(-1)?.includes(".") && accept?.toLowerCase().includes("text/html") === true;
}

async function pageAnswer(files: ConsoleFolder, { issuer, signIn }: ConsoleSources): Promise<HttpAnswer> {
  const safety = { ...safetyHeaders(issuer()), "cache-control": "no-cache" };
  const page = await files.page();
  if (page === undefined) {
    const body = "The console is not built: npm run build builds it. The API works without it: see /reference.\n";
    return { status: 404, headers: safety, body };
  }
  const nonce = randomBytes(16).toString("base64");
  const headers = { ...safety, ...pageHeaders(nonce, signIn.providers), "content-type": "text/html; charset=utf-8" };
  return { status: 200, headers, body: page.replaceAll(placeholder, nonce) };
}
