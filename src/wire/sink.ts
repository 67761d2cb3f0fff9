/** Room kept between messages, in bytes: that of most lists. */
const usualRoom = 64 * 1024;
/** More than this is given back after the message that needed it. */
const mostRoom = 1024 * 1024;
/** Up to this many UTF-16 units a loop takes less time than a call out of JavaScript. */
const longestByHand = 40;
/** From here on the bytes of a text are counted first: the room for the most that they could be is too large. */
const longestUncounted = 16 * 1024;

/** Bytes before a message in a stream of gRPC or Connect. */
export const envelopeHead = 5;

/** Bytes that grow at their end. Writers make room first, with `room`; `varint`, `text` and `raw` do so themselves. */
export class Sink {
  buffer = Buffer.allocUnsafeSlow(usualRoom);
  /** The same memory: a slice of this is a copy, and an array that is no Buffer. */
  #bytes = new Uint8Array(this.buffer.buffer);
  /** How many bytes are written. */
  at = 0;

  /** Makes room for so many more bytes. */
  room(more: number): void {
    if (this.at + more > this.buffer.length) this.#grow(more);
  }

  #use(buffer: Buffer<ArrayBuffer>): void {
    this.buffer = buffer;
    this.#bytes = new Uint8Array(buffer.buffer);
  }

  #grow(more: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + more));
    this.buffer.copy(grown, 0, 0, this.at);
    this.#use(grown);
  }

  /** An unsigned number of up to 32 bits. */
  varint(value: number): void {
    this.room(5);
    const { buffer } = this;
    let { at } = this;
    let rest = value;
    while (rest > 127) {
      buffer[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.at = at;
  }

  /** A number of 64 bits, given as its lower and its upper half. */
  varint64(lower: number, upper: number): void {
    this.room(10);
    const { buffer } = this;
    let { at } = this;
    let low = lower >>> 0;
    let high = upper >>> 0;
    while (high > 0) {
      buffer[at++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    while (low > 127) {
      buffer[at++] = (low & 127) | 128;
      low >>>= 7;
    }
    buffer[at++] = low;
    this.at = at;
  }

  /** 32 bits, the lowest first. */
  fixed32(value: number): void {
    this.room(4);
    const { buffer, at } = this;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
    this.at = at + 4;
  }

  /** A text behind its length; surrogates without their other half become U+FFFD. */
  text(value: string): void {
    const { length } = value;
    if (length <= longestByHand && this.#ascii(value)) return;
    if (length > longestUncounted) {
      const counted = Buffer.byteLength(value);
      this.varint(counted);
      this.room(counted);
      this.at += this.buffer.write(value, this.at, counted, "utf8");
      return;
    }
    const guess = widthOf(length);
    this.room(guess + length * 3 + 2);
    const begin = this.at + guess;
    this.at = begin + this.buffer.write(value, begin, length * 3, "utf8");
    this.close(begin, guess);
  }

  /** Writes a short text of ASCII; false, with nothing written, when it is none. */
  #ascii(value: string): boolean {
    const { length } = value;
    this.room(length + 1);
    const { buffer, at } = this;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      buffer[at + 1 + i] = code;
    }
    buffer[at] = length;
    this.at = at + 1 + length;
    return true;
  }

  /** Bytes behind nothing. */
  raw(value: Uint8Array): void {
    this.room(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
  }

  /** Keeps `width` bytes for a length; answers where that which it measures begins. */
  open(width: number): number {
    this.room(width);
    this.at += width;
    return this.at;
  }

  /**
   * Writes the length of what was written since `begin`, before which `width` bytes were kept for it. Answers how many
   * it took: nothing is moved when that was guessed right.
   */
  close(begin: number, width: number): number {
    const length = this.at - begin;
    const needed = widthOf(length);
    if (needed !== width) {
      this.room(needed);
      this.buffer.copyWithin(begin - width + needed, begin, this.at);
    }
    this.at = begin - width;
    this.varint(length);
    this.at += length;
    return needed;
  }

  /** A copy of all bytes, in memory of its own. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.at);
  }

  /** A copy of all bytes, the first five made the head of an uncompressed message; a small one is in Node's pool. */
  copyEnvelope(): Buffer {
    const { buffer, at } = this;
    const copy = Buffer.allocUnsafe(at);
    buffer.copy(copy, 0, 0, at);
    copy[0] = 0;
    copy.writeUInt32BE(at - envelopeHead, 1);
    return copy;
  }

  /** Forgets what was written; much room is given back. */
  clear(): void {
    this.at = 0;
    if (this.buffer.length > mostRoom) this.#use(Buffer.allocUnsafeSlow(usualRoom));
  }
}

/** How many bytes a length takes. */
function widthOf(length: number): number {
  if (length < 128) return 1;
  if (length < 16_384) return 2;
  if (length < 2_097_152) return 3;
  return length < 268_435_456 ? 4 : 5;
}
