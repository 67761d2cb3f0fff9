import "@xterm/xterm/css/xterm.css";
import { useComputedColorScheme } from "@mantine/core";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal as Xterm } from "@xterm/xterm";
import { useEffect, useEffectEvent, useRef } from "react";
import { nonceDocument, pageNonce } from "./nonce-document.js";
import type { ShellInput } from "./shell-input.js";
import { runShell, type ShellPlace } from "./shell-session.js";
import classes from "./shell-tab.module.css";

/** How a shell stands. */
export type ShellState =
  | { readonly state: "opening" }
  | { readonly state: "open"; readonly instance: string }
  | { readonly state: "ended"; readonly exitCode: number | undefined }
  | { readonly state: "failed"; readonly error: unknown };

const themes = {
  light: { background: "#f6f8f9", foreground: "#1a2027", cursor: "#126676", selectionBackground: "#a6d8e1" },
  dark: { background: "#191e24", foreground: "#dfe5ea", cursor: "#63c3d2", selectionBackground: "#0d5362" },
} as const;

/** A shell in a terminal, from when it is shown until it is taken away. Loaded only where there is one. */
export function Terminal({
  place,
  isShown,
  describedBy,
  onState,
  onLeave,
}: {
  place: ShellPlace;
  isShown: boolean;
  /** Id of the words that say how to leave it by keyboard. */
  describedBy: string;
  onState: (state: ShellState) => void;
  /** The key to leave the terminal was pressed. */
  onLeave: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const term = useRef<Xterm>(undefined);
  const scheme = useComputedColorScheme("light");
  const tell = useEffectEvent(onState);
  const leave = useEffectEvent(onLeave);
  const themeNow = useEffectEvent(() => themes[scheme]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;

    const { xterm, resize } = openTerminal(element, themeNow());
    term.current = xterm;
    xterm.textarea?.setAttribute("aria-describedby", describedBy);
    xterm.attachCustomKeyEventHandler((event) => {
      if (event.key !== "F6" || !event.ctrlKey) return true;
      event.preventDefault();
      if (event.type === "keydown") leave();
      return false;
    });
    let input: ShellInput | undefined;
    const controller = new AbortController();
    const typed = xterm.onData((data) => {
      if (input?.type(new TextEncoder().encode(data)) === false) xterm.write("\x07");
    });
    const sized = xterm.onResize(({ cols, rows }) => input?.resize(cols, rows));
    const observer = new ResizeObserver(resize);
    observer.observe(element);
    tell({ state: "opening" });
    const events = {
      onOpen(instance: string, opening: ShellInput) {
        input = opening;
        tell({ state: "open", instance });
        // Its size may have changed while it was opened.
        opening.resize(xterm.cols, xterm.rows);
        xterm.focus();
      },
      onFailure(error: unknown) {
        tell({ state: "failed", error });
        controller.abort();
      },
    };
    const screen = {
      columns: xterm.cols,
      rows: xterm.rows,
      write: (output: Uint8Array) => new Promise<void>((resolve) => xterm.write(output, resolve)),
    };
    runShell(place, screen, events, controller.signal).then(
      (exitCode) => tell({ state: "ended", exitCode }),
      (error: unknown) => controller.signal.aborted || tell({ state: "failed", error }),
    );
    return () => {
      controller.abort();
      observer.disconnect();
      typed.dispose();
      sized.dispose();
      term.current = undefined;
      xterm.dispose();
    };
  }, [place, describedBy]);
  useEffect(() => {
    if (term.current !== undefined) term.current.options.theme = themes[scheme];
  }, [scheme]);
  useEffect(() => {
    if (isShown) term.current?.focus();
  }, [isShown]);
  return <div ref={box} className={classes.terminal} />;
}

function openTerminal(element: HTMLElement, theme: (typeof themes)[keyof typeof themes]) {
  const xterm = new Xterm({
    documentOverride: nonceDocument(pageNonce()),
    screenReaderMode: true,
    fontFamily: getComputedStyle(document.body).getPropertyValue("--mantine-font-family-monospace") || "monospace",
    fontSize: 13,
    scrollback: 5_000,
    minimumContrastRatio: 4.5,
    theme,
  });
  const addon = new FitAddon();
  xterm.loadAddon(addon);
  xterm.open(element);
  const resize = () => {
    // A panel that is not shown has no size.
    if (element.clientWidth > 0 && element.clientHeight > 0) addon.fit();
  };
  resize();
  return { xterm, resize };
}
