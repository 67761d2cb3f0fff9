import type { BlockList, Server, Socket } from "node:net";
import { isTrusted, sourceAddress } from "./peer.js";
import { networkOf } from "./rate-limit.js";

export interface GateOptions {
  /** Connections of one source address, or IPv6 /64; 0 turns the limit off. */
  readonly maxConnectionsPerNetwork: number;
  /** Proxies, which the limit does not hold for. */
  readonly trusted: BlockList;
  /** Told of each connection that is dropped, with its address. */
  readonly onDrop: (address: string) => void;
}

/** The connections of a server. */
export interface Gate {
  /** Those that are open, whatever they speak. */
  readonly sockets: ReadonlySet<Socket>;
}

/** Puts itself before all that listens to the server's connections by now; drops those of a network that has too many. */
export function guardConnections(server: Server, options: GateOptions): Gate {
  const sockets = new Set<Socket>();
  const perNetwork = new Map<string, number>();
  const onward = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket) => {
    const address = sourceAddress(socket.remoteAddress, undefined, options.trusted);
    const network = networkOf(address);
    const open = perNetwork.get(network) ?? 0;
    const isTooMany = options.maxConnectionsPerNetwork > 0 && open >= options.maxConnectionsPerNetwork;
    if (isTooMany && !isTrusted(address, options.trusted)) {
      socket.destroy();
      options.onDrop(address);
      return;
    }
    perNetwork.set(network, open + 1);
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      const left = (perNetwork.get(network) ?? 1) - 1;
      if (left === 0) perNetwork.delete(network);
      else perNetwork.set(network, left);
    });
    for (const listener of onward) listener.call(server, socket);
  });
  return { sockets };
}
