import type { CustomFetch } from "openid-client";

/** Metadata, keys, tokens and claims are far shorter than 1 MiB. */
const longestAnswer = 1_048_576;

/** `fetch`, but an answer that is too long fails while it is read: a provider must not fill the memory. */
export const boundedFetch: CustomFetch = async (url, { method, headers, body, redirect, signal }) => {
  const answer = await fetch(url, { method, headers, redirect, body: body ?? null, signal: signal ?? null });
  if (answer.body === null) return answer;
  let length = 0;
  const bound = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      length += chunk.byteLength;
      if (length > longestAnswer) controller.error(new Error("the answer is too long"));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText } = answer;
  return new Response(answer.body.pipeThrough(bound), { status, statusText, headers: answer.headers });
};
