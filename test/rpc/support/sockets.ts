import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";

/** A raw TCP connection to a local port. */
export async function dial(port: number): Promise<Socket> {
  const socket = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Everything that comes over a connection until it closes, or until the text fits. */
export function received(socket: Socket, until?: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const done = () => resolve(text);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (until?.test(text)) done();
    });
    socket.once("end", () => {
      socket.destroy();
      done();
    });
    socket.once("close", done);
  });
}
