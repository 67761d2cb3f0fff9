import { ActionIcon, Button, Select, Textarea, TextInput } from "@mantine/core";
import type { ConfigFile, SecretMount } from "../../../../../gen/ts/deploy/v1/spec_pb.js";
import { Icon } from "../../../kit/icons.js";
import { Section } from "../../../kit/page.js";
import classes from "./config.module.css";
import type { NewFile, NewMount } from "./config-edits.js";
import type { EditorProps } from "./variables.js";

/** The files of a configuration. */
export function Files({ files, edits, onChange, problemOf }: EditorProps & { files: readonly ConfigFile[] }) {
  const set = (path: string, content: string | null | undefined) => {
    const { [path]: _, ...others } = edits.files;
    onChange({ ...edits, files: content === undefined ? others : { ...others, [path]: content } });
  };
  const setNew = (id: number, more: Partial<NewFile>) =>
    onChange({ ...edits, newFiles: edits.newFiles.map((each) => (each.id === id ? { ...each, ...more } : each)) });
  const add = () => {
    const id = 1 + Math.max(0, ...edits.newFiles.map((each) => each.id));
    onChange({ ...edits, newFiles: [...edits.newFiles, { id, path: "", content: "" }] });
  };
  return (
    <Section
      title="Files"
      actions={
        <Button variant="default" leftSection={<Icon name="plus" size={14} />} onClick={add}>
          Add a file
        </Button>
      }
    >
      {files.length + edits.newFiles.length === 0 && <p className={classes.none}>No files.</p>}
      {files.map(({ path, content }) => {
        const edited = edits.files[path];
        const isRemoved = edited === null;
        return (
          <fieldset
            key={path}
            className={classes.file}
            aria-label={`File ${path}`}
            data-removed={isRemoved || undefined}
          >
            <div className={classes.fileHead}>
              <span className={classes.name}>{path}</span>
              <ActionIcon
                aria-label={isRemoved ? `Keep ${path}` : `Unset ${path}`}
                onClick={() => set(path, isRemoved ? undefined : null)}
              >
                <Icon name={isRemoved ? "refresh" : "trash"} size={15} />
              </ActionIcon>
            </div>
            <Content
              label={`Content of ${path}`}
              value={edited ?? content}
              disabled={isRemoved}
              onChange={(next) => set(path, next)}
              problem={problemOf(`set_files ${path}`)}
            />
          </fieldset>
        );
      })}
      {edits.newFiles.map(({ id, path, content }) => (
        <fieldset key={id} className={classes.file} aria-label={`New file ${path}`}>
          <div className={classes.fileHead}>
            <TextInput
              size="xs"
              className={classes.path}
              aria-label="Path of the new file"
              placeholder="/etc/app/settings.yaml"
              value={path}
              onChange={({ currentTarget }) => setNew(id, { path: currentTarget.value })}
              autoComplete="off"
              spellCheck={false}
              autoFocus
            />
            <ActionIcon
              aria-label="Remove the new file"
              onClick={() => onChange({ ...edits, newFiles: edits.newFiles.filter((each) => each.id !== id) })}
            >
              <Icon name="trash" size={15} />
            </ActionIcon>
          </div>
          <Content
            label="Content of the new file"
            value={content}
            onChange={(next) => setNew(id, { content: next })}
            problem={problemOf(`set_files new ${id}`)}
          />
        </fieldset>
      ))}
    </Section>
  );
}

function Content({
  label,
  value,
  disabled = false,
  onChange,
  problem,
}: {
  label: string;
  value: string;
  disabled?: boolean;
  onChange: (value: string) => void;
  problem: string | undefined;
}) {
  return (
    <Textarea
      size="xs"
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
      aria-label={label}
      autosize
      minRows={3}
      maxRows={20}
      spellCheck={false}
      value={value}
      disabled={disabled}
      error={problem}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

/** Secrets that are mounted as folders: by name, never with what is in them. */
export function Mounts({
  mounts,
  edits,
  onChange,
  problemOf,
  secrets,
}: EditorProps & { mounts: readonly SecretMount[] }) {
  const nameOf = (uuid: string): string => secrets.find((secret) => secret.uuid === uuid)?.name ?? uuid;
  const setNew = (id: number, more: Partial<NewMount>) =>
    onChange({ ...edits, newMounts: edits.newMounts.map((each) => (each.id === id ? { ...each, ...more } : each)) });
  const add = () => {
    const id = 1 + Math.max(0, ...edits.newMounts.map((each) => each.id));
    onChange({ ...edits, newMounts: [...edits.newMounts, { id, path: "", secret: secrets[0]?.uuid ?? "" }] });
  };
  const toggle = (path: string) => {
    const { removedMounts: gone } = edits;
    onChange({ ...edits, removedMounts: gone.includes(path) ? gone.filter((each) => each !== path) : [...gone, path] });
  };
  return (
    <Section
      title="Mounted secrets"
      actions={
        secrets.length > 0 && (
          <Button variant="default" leftSection={<Icon name="plus" size={14} />} onClick={add}>
            Mount a secret
          </Button>
        )
      }
    >
      {mounts.length + edits.newMounts.length === 0 && (
        <p className={classes.none}>{secrets.length === 0 ? "The project has no secrets." : "No secret is mounted."}</p>
      )}
      {mounts.map(({ path, secret, version }) => {
        const isRemoved = edits.removedMounts.includes(path);
        return (
          <div key={path} className={classes.row} data-removed={isRemoved || undefined}>
            <span className={classes.name}>{path}</span>
            <span className={classes.reference}>
              the secret {nameOf(secret)}, version {String(version)}
            </span>
            <span />
            <ActionIcon aria-label={isRemoved ? `Keep ${path}` : `Unset ${path}`} onClick={() => toggle(path)}>
              <Icon name={isRemoved ? "refresh" : "trash"} size={15} />
            </ActionIcon>
          </div>
        );
      })}
      {edits.newMounts.map(({ id, path, secret }) => (
        <fieldset key={id} className={classes.row} aria-label={`New mount ${path}`}>
          <TextInput
            size="xs"
            aria-label="Path of the new mount"
            placeholder="/etc/secrets"
            value={path}
            onChange={({ currentTarget }) => setNew(id, { path: currentTarget.value })}
            autoFocus
          />
          <Select
            size="xs"
            aria-label="Secret of the new mount"
            data={secrets.map(({ uuid, name }) => ({ value: uuid, label: name }))}
            value={secret}
            onChange={(next) => setNew(id, { secret: next ?? secret })}
            allowDeselect={false}
            error={problemOf(`set_secret_mounts new ${id}`)}
          />
          <span />
          <ActionIcon
            aria-label="Remove the new mount"
            onClick={() => onChange({ ...edits, newMounts: edits.newMounts.filter((each) => each.id !== id) })}
          >
            <Icon name="trash" size={15} />
          </ActionIcon>
        </fieldset>
      ))}
    </Section>
  );
}
