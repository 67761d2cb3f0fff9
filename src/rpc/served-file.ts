import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { HttpAnswer, HttpRequest } from "./http-routes.js";

/** Ways of compressing, the best first. */
const codings = ["br", "gzip"] as const;
type Coding = (typeof codings)[number];

/** Within a few per cent of the best, in a fraction of its time. */
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
const compressBy = {
  br: (bytes: Uint8Array) => promisify(brotliCompress)(bytes, brotliOptions),
  gzip: (bytes: Uint8Array) => promisify(gzip)(bytes),
};

/** A file that is kept in memory, as it is and compressed. */
export interface ServedFile {
  readonly plain: Uint8Array;
  readonly compressed: ReadonlyMap<Coding, Uint8Array>;
  readonly tag: string;
}

/** Prepares a file to be served; what is compressed already, such as pictures, is not compressed again. */
export async function servedFile(plain: Uint8Array, isCompressible = true): Promise<ServedFile> {
  const tag = createHash("sha256").update(plain).digest("base64url");
  const wanted = isCompressible ? codings : [];
  const compressed = await Promise.all(
    wanted.map(async (coding) => [coding, await compressBy[coding](plain)] as const),
  );
  return { plain, compressed: new Map(compressed), tag };
}

/** Answers a file in the best coding that the client takes, or 304 where it has that already. */
export function fileAnswer(
  { plain, compressed, tag }: ServedFile,
  { headers }: HttpRequest,
  own: Readonly<Record<string, string>>,
): HttpAnswer {
  const taken = takenCodings(headers["accept-encoding"]);
  const coding = codings.find((each) => compressed.has(each) && taken.has(each));
  const etag = `"${tag}${coding === undefined ? "" : `-${coding}`}"`;
  const shared = { ...own, etag, vary: "accept-encoding", "x-content-type-options": "nosniff" };
  const known = (headers["if-none-match"] ?? "").split(",").map((each) => each.trim().replace(/^W\//, ""));
  // A stream without bytes: a content-length would have to be that of the whole file.
  if (known.includes(etag) || known.includes("*")) return { status: 304, headers: shared, body: Readable.from([]) };
  const bytes = coding && compressed.get(coding);
  if (coding === undefined || bytes === undefined) return { status: 200, headers: shared, body: plain };
  return { status: 200, headers: { ...shared, "content-encoding": coding }, body: bytes };
}

/** The codings that a client names, but with a weight of 0. */
function takenCodings(accepted: string | string[] | undefined): ReadonlySet<string> {
  const named = String(accepted ?? "")
    .split(",")
    .map((coding) => coding.split(";").map((part) => part.trim().toLowerCase()));
  return new Set(named.flatMap(([name, weight]) => (/^q=0(\.0*)?$/.test(weight ?? "") ? [] : (name ?? []))));
}
