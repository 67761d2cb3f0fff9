import type { ServerHttp2Stream } from "node:http2";
import type { Message } from "@bufbuild/protobuf";
import { isPullable, type Sink } from "../../pull.js";

/** What a writer does not know of its protocol. */
export interface StreamForm {
  /** The bytes of a message; throws, or rejects with, what ends the stream. */
  encode(message: Message): Buffer | Promise<Buffer>;
  /** Sends the headers. */
  open(): void;
  /** Ends the stream, with the error if there is one; its headers may not have been sent. */
  close(error: unknown, isOpen: boolean): void;
}

/** Writes that may wait for the network before no further message is asked for, however small they are. */
const mostWaiting = 16;

/**
 * Writes messages as fast as their reader takes them: while its share of the network is full no further one is asked
 * for, so that a source which keeps only the newest state does so for a slow reader, and nothing piles up. A message
 * that does not come at once does not hold back the headers: from them a client knows that its stream is open. When
 * the stream is closed from outside, the source is told to return at once.
 */
export function writeMessages(stream: ServerHttp2Stream, messages: AsyncIterable<Message>, form: StreamForm): void {
  new StreamWriter(stream, messages[Symbol.asyncIterator](), form).begin();
}

/** One object and few functions for each stream, for there are ten thousands of streams: nothing is made for a message. */
class StreamWriter implements Sink<Message> {
  readonly #stream: ServerHttp2Stream;
  readonly #form: StreamForm;
  #source: AsyncIterator<Message> | undefined;
  #isOpen = false;
  /** Writes that were not handed to the network yet. */
  #waiting = 0;
  #isPulling = false;
  readonly #onWritten: () => void;

  constructor(stream: ServerHttp2Stream, source: AsyncIterator<Message>, form: StreamForm) {
    this.#stream = stream;
    this.#source = source;
    this.#form = form;
    this.#onWritten = () => this.#written();
  }

  begin(): void {
    if (this.#stream.closed || this.#stream.destroyed) {
      this.#leave();
      return;
    }
    this.#stream.on("close", () => this.#leave());
    this.#pull();
    if (!this.#isOpen) setImmediate(() => this.#open());
  }

  onMessage(message: Message): void {
    if (this.#source === undefined) return;
    try {
      const bytes = this.#form.encode(message);
      if (!(bytes instanceof Promise)) this.#write(bytes);
      else {
        bytes.then(
          (made) => this.#write(made),
          (error) => this.#refuse(error),
        );
      }
    } catch (error) {
      this.#refuse(error);
    }
  }

  onEnd(error: unknown): void {
    if (this.#source === undefined) return;
    this.#source = undefined;
    this.#form.close(error, this.#isOpen);
  }

  #pull(): void {
    const source = this.#source;
    if (this.#isPulling || source === undefined || this.#stream.destroyed) return;
    if (this.#waiting >= mostWaiting || (this.#waiting > 0 && this.#stream.writableNeedDrain)) return;
    this.#isPulling = true;
    if (isPullable(source)) source.pull(this);
    else {
      source.next().then(
        (result) => (result.done ? this.onEnd(undefined) : this.onMessage(result.value)),
        (error) => this.onEnd(error),
      );
    }
  }

  #write(bytes: Buffer): void {
    if (this.#source === undefined || this.#stream.closed || this.#stream.destroyed) return;
    this.#open();
    this.#waiting += 1;
    this.#stream.write(bytes, this.#onWritten);
    this.#isPulling = false;
    this.#pull();
  }

  #written(): void {
    this.#waiting -= 1;
    this.#pull();
  }

  #open(): void {
    if (this.#isOpen || this.#source === undefined) return;
    this.#isOpen = true;
    this.#form.open();
  }

  /** What came cannot be sent: the source may go, and the reader hears why. */
  #refuse(error: unknown): void {
    const source = this.#source;
    if (source === undefined) return;
    this.onEnd(error);
    source.return?.().catch(() => {});
  }

  /** The reader is gone. */
  #leave(): void {
    const source = this.#source;
    this.#source = undefined;
    source?.return?.().catch(() => {});
  }
}
