import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { divert } from "./divert.js";

/**
 * Puts itself before the HTTP/1.1 server's own listener, and passes connections
 * that speak HTTP/2 to another. Returns a function that drops connections whose
 * protocol is not known yet.
 */
export function route(http1: Server, tls: boolean, timeoutMs: number, toHttp2: (socket: Socket) => void): () => void {
  const event = tls ? "secureConnection" : "connection";
  const own = http1.listeners(event) as ((socket: Socket) => void)[];
  http1.removeAllListeners(event);
  const toHttp1 = (socket: Socket) => {
    for (const listener of own) listener.call(http1, socket);
  };
  if (tls) return routeTls(http1, toHttp1, toHttp2);
  const { onConnection, dropUndecided } = divert(timeoutMs, toHttp1, toHttp2);
  http1.on(event, onConnection);
  return dropUndecided;
}

function routeTls(http1: Server, toHttp1: (socket: Socket) => void, toHttp2: (socket: Socket) => void): () => void {
  // By where they come from: a connection and what TLS makes of it know nothing else of each other.
  const shaking = new Map<string, Socket>();
  const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
  http1.prependListener("connection", (socket) => {
    const key = keyOf(socket);
    shaking.set(key, socket);
    socket.once("close", () => {
      if (shaking.get(key) === socket) shaking.delete(key);
    });
  });
  http1.on("secureConnection", (socket: TLSSocket) => {
    shaking.delete(keyOf(socket));
    (socket.alpnProtocol === "h2" ? toHttp2 : toHttp1)(socket);
  });
  return () => {
    for (const socket of shaking.values()) socket.destroy();
  };
}
