import { ActionIcon, Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";
import { announce } from "./announce.js";
import { Icon } from "./icons.js";

/** Copies a text; says for a moment that it did. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState<"ready" | "copied" | "failed">("ready");
  useEffect(() => {
    if (state === "ready") return;
    const timer = setTimeout(() => setState("ready"), 1_500);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => {
        setState("copied");
        announce("Copied");
      },
      () => setState("failed"),
    );
  const words = { ready: label, copied: "Copied", failed: "The browser does not allow copying" }[state];
  return (
    <Tooltip label={words}>
      <ActionIcon size="sm" aria-label={words} onClick={() => void copy()}>
        <Icon name={state === "copied" ? "check" : "copy"} size={14} />
      </ActionIcon>
    </Tooltip>
  );
}
