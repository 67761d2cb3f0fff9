import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionGzip } from "@connectrpc/connect-node";

const compress = promisify(gzip);

/** gzip at its quickest level: on whole lists a third of the default's time, for little more bytes. */
export const quickGzip: Compression = {
  name: compressionGzip.name,
  decompress: compressionGzip.decompress,
  compress: async (bytes) => new Uint8Array(await compress(bytes, { level: 1 })),
};
