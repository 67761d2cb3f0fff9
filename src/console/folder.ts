import { readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { type ServedFile, servedFile } from "../rpc/served-file.js";

/** A file of the console, ready to be served. */
export interface Asset {
  readonly file: ServedFile;
  readonly type: string;
}

/** What was built of the console, read when it is first asked for and then kept in memory. */
export interface ConsoleFolder {
  /** The page, with its placeholders; undefined when the console is not built. */
  page(): Promise<string | undefined>;
  /** A file of assets/; undefined when there is none by that name. */
  asset(name: string): Promise<Asset | undefined>;
}

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
};
const compressible = new Set([".css", ".ico", ".js", ".json", ".map", ".svg", ".txt", ".wasm"]);
/** Neither a folder nor a hidden file. */
const plainName = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** Looks at a folder that Vite has built into; one that is built anew is read anew. */
export function consoleFolder(folder: string): ConsoleFolder {
  const assets = new Map<string, Promise<Asset | undefined>>();
  let known: { readonly version: string; readonly page: string } | undefined;
  return {
    async page() {
      const path = join(folder, "index.html");
      const version = await orMissing(stat(path).then(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`));
      if (version !== undefined && version === known?.version) return known.page;
      const page = version === undefined ? undefined : await orMissing(readFile(path, "utf8"));
      assets.clear();
      known = version === undefined || page === undefined ? undefined : { version, page };
      return page;
    },

    async asset(name) {
      if (!plainName.test(name)) return undefined;
      const loading = assets.get(name) ?? readAsset(join(folder, "assets", name));
      assets.set(name, loading);
      // What is not there is not remembered: anybody may ask for anything.
      const forget = () => void (assets.get(name) === loading && assets.delete(name));
      const asset = await loading.catch((error: unknown) => {
        forget();
        throw error;
      });
      if (asset === undefined) forget();
      return asset;
    },
  };
}

async function readAsset(path: string): Promise<Asset | undefined> {
  const bytes = await orMissing(readFile(path));
  const extension = extname(path);
  const type = types[extension] ?? "application/octet-stream";
  return bytes && { file: await servedFile(bytes, compressible.has(extension)), type };
}

async function orMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
