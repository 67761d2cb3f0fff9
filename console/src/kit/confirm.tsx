import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { Problem } from "./problem.js";

/** Asks before something is done for good; with `name` that has to be typed. Give it a `key` of what is asked about. */
export function Confirm({
  opened,
  title,
  name,
  action,
  onConfirm,
  onClose,
  children,
}: {
  opened: boolean;
  title: string;
  name?: string;
  /** The word on the button, such as "Delete". */
  action: string;
  /** Does it; the dialog stays with the error when it fails, and closes when it does not. */
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  /** What happens, in a sentence or two. */
  children: ReactNode;
}) {
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const label = useId();
  const close = () => {
    setTyped("");
    setError(undefined);
    onClose();
  };
  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    if (name !== undefined && typed !== name) return;
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      close();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={opened} onClose={close} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={(event) => void confirm(event)} aria-labelledby={label}>
        <Stack gap="sm">
          <div id={label}>{children}</div>
          {name !== undefined && (
            <TextInput
              label={
                <>
                  Type <b>{name}</b> to go on
                </>
              }
              value={typed}
              onChange={({ currentTarget }) => setTyped(currentTarget.value)}
              autoComplete="off"
              spellCheck={false}
              data-autofocus
            />
          )}
          {error !== undefined && <Problem error={error} what={`${action} failed`} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" color="red.8" loading={busy} disabled={name !== undefined && typed !== name}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
