/**
 * Thrown, always the same object, at a value that only the library knows how to encode or how to refuse: the message
 * is then left to `toBinary`.
 */
export const unusual = new Error("a message that the library encodes");
