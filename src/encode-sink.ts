/** Thrown at what only the library knows how to encode, or how to refuse. */
export const unusual = new Error("a message that is encoded by the library");

/** Bytes that grow at their end. */
export class Sink {
  bytes = Buffer.allocUnsafeSlow(16_384);
  at = 0;

  /** Makes room for so many bytes. */
  room(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + more));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  /** A varint of up to 53 bits. */
  number(value: number): void {
    this.room(10);
    let rest = value;
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) this.bytes[this.at++] = (rest % 128) | 128;
    for (; rest > 127; rest >>>= 7) this.bytes[this.at++] = (rest & 127) | 128;
    this.bytes[this.at++] = rest;
  }

  /** A varint of 64 bits, none of them a sign. */
  big(value: bigint): void {
    this.room(10);
    let rest = value;
    for (; rest > mostExact; rest >>= 7n) this.bytes[this.at++] = Number(rest & 127n) | 128;
    this.number(Number(rest));
  }

  /** A text behind its length. */
  text(value: string): void {
    if (value.length <= longestByHand && this.#ascii(value)) return;
    const length = Buffer.byteLength(value);
    this.number(length);
    this.room(length);
    this.at += this.bytes.write(value, this.at, length, length === value.length ? "latin1" : "utf8");
  }

  /** Bytes behind their length. */
  raw(value: Uint8Array): void {
    this.number(value.length);
    this.append(value);
  }

  append(value: Uint8Array): void {
    this.room(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  double(value: number): void {
    this.room(8);
    this.at = this.bytes.writeDoubleLE(value, this.at);
  }

  /** Keeps `width` bytes for a length; answers where what it measures begins. */
  reserve(width: number): number {
    this.room(width);
    this.at += width;
    return this.at;
  }

  /**
   * Writes the length of what was appended since `begin`, before which `width` bytes were kept for it. Answers how
   * many it took: where that is guessed right, nothing has to be moved.
   */
  close(begin: number, width: number): number {
    const length = this.at - begin;
    const needed = widthOf(length);
    if (needed !== width) {
      this.room(needed);
      this.bytes.copyWithin(begin - width + needed, begin, this.at);
    }
    this.at = begin - width;
    this.number(length);
    this.at += length;
    return needed;
  }

  /** A copy of all bytes; the sink is empty again. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(this.at);
    taken.set(this.bytes.subarray(0, this.at));
    this.clear();
    return taken;
  }

  /** Forgets what was appended; of a large message the room is given back. */
  clear(): void {
    this.at = 0;
    if (this.bytes.length > mostKept) this.bytes = Buffer.allocUnsafeSlow(16_384);
  }

  /** Writes a short text of ASCII; false, with nothing written, when it is none. */
  #ascii(value: string): boolean {
    this.room(value.length + 1);
    const { bytes, at } = this;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      bytes[at + 1 + i] = code;
    }
    bytes[at] = value.length;
    this.at = at + 1 + value.length;
    return true;
  }
}

const mostExact = BigInt(Number.MAX_SAFE_INTEGER);
/** Up to here a loop is faster than calls out of JavaScript; the length of such a text takes one byte. */
const longestByHand = 64;
const mostKept = 4 * 1024 * 1024;

function widthOf(length: number): number {
  let width = 1;
  for (let rest = length; rest > 127; rest = Math.floor(rest / 128)) width += 1;
  return width;
}
