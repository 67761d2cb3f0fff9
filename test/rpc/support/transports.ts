import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import {
  createConnectTransport as createWebConnectTransport,
  createGrpcWebTransport as createWebGrpcWebTransport,
} from "@connectrpc/connect-web";

/** One way to call the server. */
export interface Dialect {
  readonly name: string;
  connect(url: string): Transport;
}

type Connect = (url: string, useBinaryFormat: boolean) => Transport;

const ways: [string, Connect][] = [
  [
    "gRPC over h2c",
    (baseUrl, useBinaryFormat) => createGrpcTransport({ baseUrl, useBinaryFormat, acceptCompression: [] }),
  ],
  [
    "gRPC-Web over HTTP/1.1",
    (baseUrl, useBinaryFormat) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat }),
  ],
  [
    "gRPC-Web over h2c",
    (baseUrl, useBinaryFormat) => createGrpcWebTransport({ baseUrl, httpVersion: "2", useBinaryFormat }),
  ],
  [
    "Connect over HTTP/1.1",
    (baseUrl, useBinaryFormat) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat }),
  ],
  [
    "Connect over h2c",
    (baseUrl, useBinaryFormat) => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat }),
  ],
  ["Connect by fetch", (baseUrl, useBinaryFormat) => createWebConnectTransport({ baseUrl, useBinaryFormat })],
  ["gRPC-Web by fetch", (baseUrl, useBinaryFormat) => createWebGrpcWebTransport({ baseUrl, useBinaryFormat })],
];

/** Every protocol, HTTP version and format that clients use. */
export const dialects: readonly Dialect[] = ways.flatMap(([way, connect]) => [
  { name: `${way}, binary`, connect: (url: string) => connect(url, true) },
  { name: `${way}, JSON`, connect: (url: string) => connect(url, false) },
]);
