import { bytesOf } from "../../quantity.js";
import { asFields, asText } from "../fields.js";
import type { Fields } from "../types.js";
import { usedBytes } from "./names.js";

/** What an ext4 without files has in use. */
export const emptyBytes = 24_576;

/** An object with annotations, as seen from inside of the server or through it. */
interface Annotated {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> | undefined };
}

interface Volume extends Annotated {
  readonly spec?: Fields | undefined;
}

/** The bytes that a volume has: those that its claim asked for; 0 when that is no size. */
export function sizeOf(volume: Volume): number {
  return Number(bytesOf(asFields(volume.spec?.capacity).storage) ?? 0n);
}

/** The bytes that are in use on a volume. */
export function usedOf(volume: Volume): number {
  return usedUpTo(sizeOf(volume), volume);
}

/**
 * The bytes in use that an annotation tells: those of an empty filesystem without it, never more than `size`, which
 * is a whole number that is not negative. So is the answer, and it is a safe integer.
 */
export function usedUpTo(size: number, { metadata }: Annotated): number {
  const annotated = asText(metadata.annotations?.[usedBytes]);
  const used = /^\d{1,15}$/.test(annotated) ? Number(annotated) : emptyBytes;
  return Math.min(used, size);
}
