import { Kbd, Modal } from "@mantine/core";
import { useEffect, useEffectEvent, useState } from "react";
import { useLocation } from "wouter";
import { routes } from "../routes.js";
import classes from "./frame.module.css";
import { pathIn } from "./navigation.js";

const asked = new EventTarget();

/** Opens the list of keys. */
export function showKeys(): void {
  asked.dispatchEvent(new Event("show"));
}

/** The keys of the console, and the list of them. `n` presses the button that has `data-new`. */
export function Keys({ project }: { project: string | undefined }) {
  const [opened, setOpened] = useState(false);
  const [, navigate] = useLocation();
  const places = routes.flatMap(({ path, nav }) =>
    nav === undefined || (project === undefined && path.includes(":project"))
      ? []
      : [{ key: nav.key, label: nav.label, href: pathIn(path, project ?? "") }],
  );
  const go = useEffectEvent((key: string) => {
    const place = places.find((each) => each.key === key);
    if (place !== undefined) navigate(place.href);
    return place !== undefined;
  });
  useEffect(() => {
    const show = () => setOpened(true);
    asked.addEventListener("show", show);
    const stop = listen(go, show);
    return () => {
      asked.removeEventListener("show", show);
      stop();
    };
  }, []);
  const keys: readonly (readonly [keys: readonly string[], what: string])[] = [
    [["/"], "Filter the list"],
    [["n"], "New: what the page lists"],
    [["↑", "↓", "Home", "End"], "Move in a list"],
    [["Enter"], "Open the row"],
    [["→"], "Actions of the row"],
    ...places.map(({ key, label }) => [["g", key], label] as const),
    [["?"], "These keys"],
  ];
  return (
    <Modal opened={opened} onClose={() => setOpened(false)} title="Keys" closeButtonProps={{ "aria-label": "Close" }}>
      <dl className={classes.keys}>
        {keys.map(([names, what]) => (
          <div key={what}>
            <dt>
              {names.map((name) => (
                <Kbd key={name}>{name}</Kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}

function listen(go: (key: string) => boolean, show: () => void): () => void {
  let pressedG = 0;
  const onKey = (event: KeyboardEvent) => {
    const { key, target, metaKey, ctrlKey, altKey } = event;
    if (metaKey || ctrlKey || altKey || isTyping(target)) return;
    if (document.querySelector('[role="dialog"]') !== null) return;
    const afterG = Date.now() - pressedG < 1_500;
    pressedG = 0;
    if (afterG && go(key)) event.preventDefault();
    else if (key === "g") pressedG = Date.now();
    else if (key === "?") show();
    else if (key === "/") press(event, "[data-filter]", (element) => element.focus());
    else if (key === "n") press(event, "[data-new]", (element) => element.click());
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

function press(event: KeyboardEvent, selector: string, act: (element: HTMLElement) => void): void {
  const element = document.querySelector<HTMLElement>(selector);
  if (element === null) return;
  event.preventDefault();
  act(element);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
