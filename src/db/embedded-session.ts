import { Duplex } from "node:stream";
import { authenticationOk, closeStatement, FrameReader, readyForQuery, scoped, sync } from "./wire.js";

/** What a session asks of the backend that it shares. */
export interface SessionHost {
  /** Runs a batch of messages; the answer is pushed into the session. */
  submit(session: Session, batch: Buffer): Promise<void>;
  /** Clears up after a session that is gone. */
  leave(session: Session): Promise<void>;
}

const TERMINATE = "X".charCodeAt(0);
const QUERY = "Q".charCodeAt(0);
const SYNC = "S".charCodeAt(0);

/** One client's side of the embedded database; pg treats it as its socket. */
export class Session extends Duplex {
  readonly #reader = new FrameReader();
  readonly #statements = new Set<string>();
  #batch: Buffer[] = [];

  constructor(
    private readonly prefix: string,
    private readonly host: SessionHost,
  ) {
    super();
  }

  connect(): void {
    setImmediate(() => this.emit("connect"));
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#receive(chunk).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    callback();
    this.destroy();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.host.leave(this).then(
      () => callback(error),
      (failure) => callback(error ?? failure),
    );
  }

  /** The messages that free the session's prepared statements. */
  statements(): Buffer[] {
    return this.#statements.size === 0 ? [] : [...[...this.#statements].map(closeStatement), sync];
  }

  async #receive(chunk: Buffer): Promise<void> {
    for (const frame of this.#reader.read(chunk)) {
      if (frame.startup) this.push(Buffer.concat([authenticationOk, readyForQuery]));
      else if (frame.bytes[0] === TERMINATE) this.push(null);
      else {
        this.#batch.push(scoped(frame.bytes, this.prefix, this.#statements));
        if (frame.bytes[0] === QUERY || frame.bytes[0] === SYNC) await this.#flush();
      }
    }
  }

  async #flush(): Promise<void> {
    const batch = Buffer.concat(this.#batch);
    this.#batch = [];
    await this.host.submit(this, batch);
  }

  // What pg asks of a socket beyond a stream.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
