import type { Socket } from "node:net";

type OnConnection = (socket: Socket) => void;

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/**
 * Decides by its first bytes whether a new connection speaks HTTP/2 with prior
 * knowledge, and passes it on with nothing consumed. A connection that says
 * nothing for timeoutMs is dropped. Returns a function that drops the undecided.
 */
export function divert(timeoutMs: number, toHttp1: OnConnection, toHttp2: OnConnection) {
  const undecided = new Set<Socket>();
  const onConnection = (socket: Socket): void => {
    undecided.add(socket);
    // Bytes are kept here, not put back, until they are told apart: putting them back would wake the listener again.
    let seen: Buffer = Buffer.alloc(0);
    const drop = () => socket.destroy();
    const timer = setTimeout(drop, timeoutMs);
    const forget = () => {
      clearTimeout(timer);
      undecided.delete(socket);
    };
    const pass = (onward: OnConnection) => {
      forget();
      socket.off("readable", onReadable).off("end", onEnd).off("error", drop).off("close", forget);
      if (seen.length > 0) socket.unshift(seen);
      onward(socket);
    };
    const onReadable = () => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      }
      const known = Math.min(seen.length, preface.length);
      if (known === 0) return;
      if (seen.compare(preface, 0, known, 0, known) !== 0) pass(toHttp1);
      else if (known === preface.length) pass(toHttp2);
    };
    const onEnd = () => socket.destroy();
    socket.on("readable", onReadable).on("end", onEnd).on("error", drop).on("close", forget);
  };
  const dropUndecided = () => {
    for (const socket of undecided) socket.destroy();
  };
  return { onConnection, dropUndecided };
}
