/** A message from a client: the untyped start-up packet, or a typed message. */
export interface ClientFrame {
  readonly startup: boolean;
  readonly bytes: Buffer;
}

/** Cuts a client's byte stream into messages of the PostgreSQL protocol 3.0. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #started = false;

  /** The messages that `chunk` completes. */
  read(chunk: Buffer): ClientFrame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const complete: ClientFrame[] = [];
    for (;;) {
      const startup = !this.#started;
      const typeLength = startup ? 0 : 1;
      if (this.#rest.length < typeLength + 4) return complete;
      const length = typeLength + this.#rest.readInt32BE(typeLength);
      if (this.#rest.length < length) return complete;
      complete.push({ startup, bytes: this.#rest.subarray(0, length) });
      this.#rest = this.#rest.subarray(length);
      this.#started = true;
    }
  }
}

/** The messages in a server's complete answer. */
export function* frames(answer: Buffer): Generator<Buffer> {
  for (let at = 0; at < answer.length; ) {
    const end = at + 1 + answer.readInt32BE(at + 1);
    yield answer.subarray(at, end);
    at = end;
  }
}

/** AuthenticationOk: the session needs no password. */
export const authenticationOk = message("R", Buffer.alloc(4));

/** ReadyForQuery, outside of any transaction. */
export const readyForQuery = message("Z", Buffer.from("I"));

/** Sync: ends a batch of extended-query messages. */
export const sync = message("S", Buffer.alloc(0));

/** A query that gives up the open transaction. */
export const rollback = message("Q", Buffer.from("rollback\0"));

/** Close of a prepared statement, by its full name. */
export function closeStatement(name: string): Buffer {
  return message("C", Buffer.from(`S${name}\0`));
}

/** Gives the prepared statement that `frame` names a name of its session's own; `known` keeps the names in use. */
export function scoped(frame: Buffer, prefix: string, known: Set<string>): Buffer {
  const at = statementNameAt(frame);
  if (at === undefined || frame[at] === 0) return frame;
  const name = prefix + frame.toString("utf8", at, frame.indexOf(0, at));
  if (frame[0] === PARSE) known.add(name);
  if (frame[0] === CLOSE) known.delete(name);
  const body = Buffer.concat([frame.subarray(5, at), Buffer.from(prefix), frame.subarray(at)]);
  return message(String.fromCharCode(frame[0] ?? 0), body);
}

const PARSE = "P".charCodeAt(0);
const BIND = "B".charCodeAt(0);
const DESCRIBE = "D".charCodeAt(0);
const CLOSE = "C".charCodeAt(0);
const STATEMENT = "S".charCodeAt(0);

/** Where a message carries the name of a prepared statement. */
function statementNameAt(frame: Buffer): number | undefined {
  if (frame[0] === PARSE) return 5;
  if (frame[0] === BIND) return frame.indexOf(0, 5) + 1;
  const named = (frame[0] === DESCRIBE || frame[0] === CLOSE) && frame[5] === STATEMENT;
  return named ? 6 : undefined;
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
