import { type FormEvent, useRef } from "react";
import { readDraft, writeDraft } from "../../kit/drafts.js";

/**
 * A form that can be sent, or only looked at: put `wrapper` around it, and `preview` on a button outside of it. What is
 * typed is checked either way.
 */
export function useTwoIntents(draft: string) {
  const root = useRef<HTMLDivElement>(null);
  const wanted = useRef<"send" | "preview">("send");
  return {
    wrapper: {
      ref: root,
      style: { display: "contents" },
      // Only what `preview` asks for has no button of the form.
      onSubmitCapture: ({ nativeEvent }: FormEvent) => {
        wanted.current = "submitter" in nativeEvent && nativeEvent.submitter !== null ? "send" : "preview";
      },
    },
    preview: () => root.current?.querySelector("form")?.requestSubmit(),
    isPreview: () => wanted.current === "preview",
    /** A form forgets its draft once it is sent; after a preview it is still needed. */
    keepDraft: () => {
      const kept = readDraft(draft);
      if (kept !== undefined) setTimeout(() => writeDraft(draft, kept));
    },
  };
}
