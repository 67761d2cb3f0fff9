import { ActionIcon, Button, PasswordInput, Select, Switch, Textarea, TextInput } from "@mantine/core";
import type { Secret } from "../../../../../gen/ts/deploy/v1/secret_pb.js";
import type { Variable } from "../../../../../gen/ts/deploy/v1/spec_pb.js";
import { Icon } from "../../../kit/icons.js";
import { Section } from "../../../kit/page.js";
import classes from "./config.module.css";
import type { ConfigEdits, NewVariable, VariableEdit } from "./config-edits.js";

export interface EditorProps {
  readonly edits: ConfigEdits;
  readonly onChange: (edits: ConfigEdits) => void;
  /** What is wrong with a row. */
  readonly problemOf: (row: string) => string | undefined;
  readonly secrets: readonly Secret[];
}

/** The variables of a configuration, a row for each. Sensitive values are never shown, only replaced. */
export function Variables({
  variables,
  edits,
  onChange,
  problemOf,
  secrets,
}: EditorProps & { variables: readonly Variable[] }) {
  const nameOf = (uuid: string): string => secrets.find((secret) => secret.uuid === uuid)?.name ?? uuid;
  const edit = (name: string, more: VariableEdit) =>
    onChange({ ...edits, variables: { ...edits.variables, [name]: { ...edits.variables[name], ...more } } });
  const setNew = (id: number, more: Partial<NewVariable>) =>
    onChange({
      ...edits,
      newVariables: edits.newVariables.map((each) => (each.id === id ? { ...each, ...more } : each)),
    });
  const add = (secret: boolean) => {
    const id = 1 + Math.max(0, ...edits.newVariables.map((each) => each.id));
    const first = secrets[0];
    const from = secret && first !== undefined ? `${first.uuid} ${first.keys[0] ?? ""}` : "";
    onChange({
      ...edits,
      newVariables: [...edits.newVariables, { id, name: "", value: "", sensitive: false, secret: from }],
    });
  };
  return (
    <Section
      title="Variables"
      actions={
        <span className={classes.buttons}>
          <Button variant="default" leftSection={<Icon name="plus" size={14} />} onClick={() => add(false)}>
            Add a variable
          </Button>
          {secrets.length > 0 && (
            <Button variant="default" onClick={() => add(true)}>
              From a secret
            </Button>
          )}
        </span>
      }
    >
      {variables.length + edits.newVariables.length === 0 && <p className={classes.none}>No variables.</p>}
      {variables.map((variable) => (
        <Row
          key={variable.name}
          variable={variable}
          edit={edits.variables[variable.name] ?? {}}
          onEdit={(more) => edit(variable.name, more)}
          problem={problemOf(`set_variables ${variable.name}`)}
          nameOf={nameOf}
        />
      ))}
      {edits.newVariables.map((variable) => (
        <NewRow
          key={variable.id}
          variable={variable}
          secrets={secrets}
          onEdit={(more) => setNew(variable.id, more)}
          onRemove={() =>
            onChange({ ...edits, newVariables: edits.newVariables.filter(({ id }) => id !== variable.id) })
          }
          problem={problemOf(`set_variables new ${variable.id}`)}
        />
      ))}
    </Section>
  );
}

function Row({
  variable: { name, value, sensitive, secret },
  edit,
  onEdit,
  problem,
  nameOf,
}: {
  variable: Variable;
  edit: VariableEdit;
  onEdit: (more: VariableEdit) => void;
  problem: string | undefined;
  nameOf: (uuid: string) => string;
}) {
  const isSensitive = edit.sensitive ?? sensitive;
  return (
    <fieldset className={classes.row} aria-label={`Variable ${name}`} data-removed={edit.removed || undefined}>
      <span className={classes.name}>{name}</span>
      {secret !== undefined ? (
        <span className={classes.reference}>
          {secret.key} of the secret {nameOf(secret.secret)}, version {String(secret.version)}
        </span>
      ) : (
        <ValueInput
          label={`Value of ${name}`}
          value={edit.value ?? value}
          placeholder={sensitive && edit.value === undefined ? "Set, and not shown" : undefined}
          isSensitive={isSensitive}
          disabled={edit.removed === true}
          onChange={(next) => onEdit({ value: next })}
          problem={problem}
        />
      )}
      {secret === undefined ? (
        <Switch
          size="xs"
          label="Sensitive"
          checked={isSensitive}
          disabled={edit.removed === true}
          onChange={({ currentTarget }) => onEdit({ sensitive: currentTarget.checked })}
        />
      ) : (
        <span />
      )}
      <ActionIcon
        aria-label={edit.removed ? `Keep ${name}` : `Unset ${name}`}
        onClick={() => onEdit({ removed: !edit.removed })}
      >
        <Icon name={edit.removed ? "refresh" : "trash"} size={15} />
      </ActionIcon>
    </fieldset>
  );
}

function NewRow({
  variable: { name, value, sensitive, secret },
  secrets,
  onEdit,
  onRemove,
  problem,
}: {
  variable: NewVariable;
  secrets: readonly Secret[];
  onEdit: (more: Partial<NewVariable>) => void;
  onRemove: () => void;
  problem: string | undefined;
}) {
  const words = name === "" ? "the new variable" : name;
  return (
    <fieldset className={classes.row} aria-label={`New variable ${name}`}>
      <TextInput
        size="xs"
        aria-label="Name of the new variable"
        placeholder="NAME"
        value={name}
        onChange={({ currentTarget }) => onEdit({ name: currentTarget.value })}
        autoComplete="off"
        spellCheck={false}
        autoFocus
      />
      {secret === "" ? (
        <ValueInput
          label={`Value of ${words}`}
          value={value}
          isSensitive={sensitive}
          onChange={(next) => onEdit({ value: next })}
          problem={problem}
        />
      ) : (
        <Select
          size="xs"
          aria-label={`Secret of ${words}`}
          data={secrets.flatMap(({ uuid, name: of, keys }) =>
            keys.map((key) => ({ value: `${uuid} ${key}`, label: `${key} of ${of}` })),
          )}
          value={secret}
          onChange={(next) => onEdit({ secret: next ?? secret })}
          allowDeselect={false}
          error={problem}
        />
      )}
      {secret === "" ? (
        <Switch
          size="xs"
          label="Sensitive"
          checked={sensitive}
          onChange={({ currentTarget }) => onEdit({ sensitive: currentTarget.checked })}
        />
      ) : (
        <span />
      )}
      <ActionIcon aria-label={`Remove ${words}`} onClick={onRemove}>
        <Icon name="trash" size={15} />
      </ActionIcon>
    </fieldset>
  );
}

function ValueInput({
  label,
  value,
  placeholder,
  isSensitive,
  disabled = false,
  onChange,
  problem,
}: {
  label: string;
  value: string;
  placeholder?: string | undefined;
  isSensitive: boolean;
  disabled?: boolean;
  onChange: (value: string) => void;
  problem: string | undefined;
}) {
  const common = { size: "xs", "aria-label": label, value, placeholder, disabled, error: problem } as const;
  return isSensitive ? (
    <PasswordInput {...common} autoComplete="off" onChange={({ currentTarget }) => onChange(currentTarget.value)} />
  ) : (
    <Textarea
      {...common}
      autosize
      minRows={1}
      maxRows={8}
      spellCheck={false}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}
