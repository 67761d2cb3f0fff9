// The least that a fan-out costs: POST a message to /change, and every open stream of another path gets those bytes.
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { envelope } from "./grpc.js";

const streams = new Set<ServerHttp2Stream>();
const server = createServer({ settings: { maxConcurrentStreams: 1_000 } });
server.on("stream", (stream, headers) => {
  const chunks: Buffer[] = [];
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => {
    if (headers[":path"] === "/change") {
      // The request's message is in its envelope already.
      const framed = Buffer.concat(chunks);
      for (const reader of streams) reader.write(framed);
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(envelope(Buffer.alloc(0)));
      return;
    }
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write(envelope(Buffer.from("open")));
    streams.add(stream);
    stream.on("close", () => streams.delete(stream));
  });
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit(0));
