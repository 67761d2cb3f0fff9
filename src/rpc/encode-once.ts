import { create, type DescMessage, type Message, toBinary, type UnknownField } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { Interceptor } from "@connectrpc/connect";

/**
 * Encodes a message once, however many streams it goes to: a handler that
 * yields the same message object to all of its readers pays for one. In JSON
 * each stream encodes for itself. The straight path does better by itself: its
 * streams share the bytes, in their envelope.
 */
export function encodeOnce(): Interceptor {
  const encoded = new WeakMap<Message, Message>();
  const encode = (schema: DescMessage, message: Message): Message => {
    const known = encoded.get(message);
    if (known !== undefined) return known;
    const made = alreadyEncoded(schema, message);
    encoded.set(message, made);
    return made;
  };
  return (next) => async (req) => {
    const res = await next(req);
    // Spelled with any case, and perhaps with a charset.
    if (!res.stream || /\bjson\b/i.test(req.header.get("content-type") ?? "json")) return res;
    const { output } = res.method;
    return { ...res, message: mapped(res.message, (message) => encode(output, message)) };
  };
}

/** A message of the same bytes whose fields are copied, not encoded: unknown fields are written as they were read. */
function alreadyEncoded(schema: DescMessage, message: Message): Message {
  const reader = new BinaryReader(toBinary(schema, message));
  const fields: UnknownField[] = [];
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag();
    fields.push({ no, wireType, data: reader.skip(wireType, no) });
  }
  const copy = create(schema);
  copy.$unknown = fields;
  return copy;
}

/** Unlike an async generator it passes `return` on at once, even while a message is awaited. */
function mapped<T>(source: AsyncIterable<T>, change: (item: T) => T): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = source[Symbol.asyncIterator]();
      return {
        next: async () => {
          const result = await inner.next();
          return result.done ? result : { done: false, value: change(result.value) };
        },
        return: (value?: unknown) => inner.return?.(value) ?? Promise.resolve({ done: true, value }),
        throw: (error: unknown) => inner.throw?.(error) ?? Promise.reject(error),
      };
    },
  };
}
