import { create, type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import type { Compression } from "@connectrpc/connect/protocol";
import { envelope } from "./answer.js";
import type { StreamStraight } from "./methods.js";

/** Encodes the messages of streams; `gzip` says whether the stream may be compressed. */
export type EncodeMessage = (method: StreamStraight, message: Message, gzip: boolean) => Buffer | Promise<Buffer>;

export interface EncodeOptions {
  readonly gzip: Compression;
  /** Smallest message that is compressed, in bytes. */
  readonly compressMinBytes: number;
}

interface Encoded {
  /** In its envelope. */
  readonly plain: Buffer;
  /** The same compressed, if somebody wanted it and it is large enough. */
  gzip?: Buffer | Promise<Buffer>;
}

/**
 * Encodes each message object once, however many streams it is written to: a handler that yields the same object to
 * all of its readers pays for one, and all of them are sent the same bytes, which are as old as the first look at the
 * object. Throws a ConnectError as the library does: of what cannot be encoded, and of what is larger than may be written.
 */
export function encodeShared({ gzip, compressMinBytes }: EncodeOptions): EncodeMessage {
  const known = new WeakMap<StreamStraight, WeakMap<Message, Encoded>>();
  const encodedBy = (method: StreamStraight): WeakMap<Message, Encoded> => {
    const found = known.get(method) ?? new WeakMap();
    known.set(method, found);
    return found;
  };
  const compressed = async (bytes: Uint8Array): Promise<Buffer> => envelope(await gzip.compress(bytes), true);
  return (method, message, takesGzip) => {
    const encoded = encodedBy(method);
    let found = encoded.get(message);
    if (found === undefined) {
      const { serialization } = method;
      found = { plain: envelope(serialization.getO(true).serialize(whole(method.method.output, message)), false) };
      encoded.set(message, found);
    }
    const bytes = found.plain.subarray(envelopeHead);
    if (!takesGzip || bytes.length < compressMinBytes) return found.plain;
    found.gzip ??= compressed(bytes);
    return found.gzip;
  };
}

const envelopeHead = 5;

/** Handlers may yield the fields of a message for the message itself. */
function whole(desc: DescMessage, message: Message): Message {
  return isMessage(message, desc) ? message : create(desc, message);
}
