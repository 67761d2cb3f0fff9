import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { planOf } from "./plan.js";
import { envelopeHead, Sink } from "./sink.js";
import { writeFields } from "./write-message.js";

/** Encodes messages of one type. */
export type Encode = (message: Message) => Uint8Array<ArrayBuffer>;

/** Encodes messages of one type for a stream: five bytes, flags and length, and then the message. */
export type EncodeEnvelope = (message: Message) => Buffer;

const encoders = new WeakMap<DescMessage, Encode>();
const envelopeEncoders = new WeakMap<DescMessage, EncodeEnvelope>();

/**
 * The encoder of the messages of a type. It gives the bytes that `toBinary` gives, in memory of their own, in a
 * fraction of the time: what there is to know of the fields is looked up once, and all is written into one buffer.
 * Throws what `toBinary` throws: a message with anything that does not fit is left to it.
 */
export function encoderOf(desc: DescMessage): Encode {
  const known = encoders.get(desc);
  if (known !== undefined) return known;
  const copy = (sink: Sink) => sink.copy();
  const encode: Encode = (message) => written(desc, message, 0, copy) ?? toBinary(desc, message);
  encoders.set(desc, encode);
  return encode;
}

/**
 * The same for messages that go to a stream of gRPC or Connect: each is in its envelope, uncompressed, so that no
 * bytes are copied for that. It may be a part of a larger buffer, of Node's, as that of `Buffer.allocUnsafe` is.
 */
export function envelopeEncoderOf(desc: DescMessage): EncodeEnvelope {
  const known = envelopeEncoders.get(desc);
  if (known !== undefined) return known;
  const copy = (sink: Sink) => sink.copyEnvelope();
  const encode: EncodeEnvelope = (message) => written(desc, message, envelopeHead, copy) ?? enveloped(desc, message);
  envelopeEncoders.set(desc, encode);
  return encode;
}

// Of all encodes, for they take turns: one that is started within another, by a property that is computed, finds none.
let spare: Sink | undefined = new Sink();

/** What `copy` makes of the bytes of a message behind so many free ones; undefined: the library is to encode it. */
function written<T>(desc: DescMessage, message: Message, begin: number, copy: (sink: Sink) => T): T | undefined {
  const sink = spare ?? new Sink();
  spare = undefined;
  try {
    sink.at = begin;
    writeFields(sink, planOf(desc), message as unknown as Readonly<Record<string, unknown>>);
    return copy(sink);
  } catch {
    return undefined;
  } finally {
    sink.clear();
    spare = sink;
  }
}

function enveloped(desc: DescMessage, message: Message): Buffer {
  const bytes = toBinary(desc, message);
  const sink = new Sink();
  sink.at = envelopeHead;
  sink.raw(bytes);
  return sink.copyEnvelope();
}
