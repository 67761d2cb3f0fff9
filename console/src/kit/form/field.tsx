import { type DescField, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { PasswordInput, Select, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useForm } from "./context.js";
import { getAt, isNumber, type Path, pathText } from "./draft.js";
import { type FieldLayout, wordsOf } from "./layout.js";
import { type Entry, entryOf } from "./rules.js";
import { AmountInput, DateTimeInput, TimeOfDayInput } from "./special-inputs.js";

/** What an input of any kind gets. */
export interface InputProps {
  readonly id: string;
  readonly label: string;
  readonly description: string | undefined;
  readonly placeholder: string | undefined;
  readonly withAsterisk: boolean;
  readonly error: string | undefined;
  readonly disabled: boolean;
  readonly readOnly: boolean;
  readonly "data-autofocus": boolean | undefined;
  readonly inputWrapperOrder: ("label" | "input" | "description" | "error")[];
  readonly onBlur: () => void;
}

/** A single value, in the input that fits its type; the layout may say otherwise. */
export function Field({ field, layout, path }: { field: DescField; layout: FieldLayout; path: Path }) {
  const form = useForm();
  const entry = entryOf(field);
  const value = getAt(form.draft, path);
  const text = typeof value === "object" && value !== null ? JSON.stringify(value, null, 2) : String(value ?? "");
  const error = form.problemAt(path);
  const required = layout.required ?? entry.required;
  const set = (next: string | boolean | undefined) => form.set(path, next);
  const input: InputProps = {
    id: pathText(path),
    label: layout.label ?? wordsOf(field.name),
    // What is wrong stands where the hint was, so that nothing below moves.
    description: error === undefined ? (layout.hint ?? boundsText(field, entry)) : undefined,
    placeholder: layout.placeholder ?? (isNumber(field) && isImplicit(field) ? "0" : undefined),
    withAsterisk: required,
    error,
    disabled: form.disabled,
    readOnly: layout.readOnly === true,
    "data-autofocus": layout.autoFocus,
    inputWrapperOrder: ["label", "input", "error", "description"],
    onBlur: () => form.touch(path),
  };
  if (field.fieldKind === "list") return <ListInput input={input} path={path} />;
  const choices = layout.choices ?? entry.choices;
  if (choices !== undefined) {
    return (
      <Select
        {...input}
        data={[...choices]}
        value={text === "" ? null : text}
        onChange={(next) => set(next ?? undefined)}
        allowDeselect={!required}
        clearable={!required && !input.readOnly}
        searchable={choices.length > 8}
        comboboxProps={{ transitionProps: { duration: 80 } }}
      />
    );
  }
  if (field.scalar === ScalarType.BOOL) return <Toggle input={input} on={value === true} onChange={set} />;
  const message = field.message?.typeName;
  if (layout.kind === "time-of-day") return <TimeOfDayInput input={input} value={text} onChange={set} />;
  if (message === "google.protobuf.Timestamp") return <DateTimeInput input={input} value={text} onChange={set} />;
  if (message === "google.protobuf.Duration")
    return <AmountInput input={input} value={text} onChange={set} kind="duration" />;
  if (layout.kind === "size") return <AmountInput input={input} value={text} onChange={set} kind="size" />;
  if (layout.kind === "password" || entry.secret)
    return (
      <PasswordInput
        {...input}
        value={text}
        autoComplete="off"
        onChange={({ currentTarget }) => set(currentTarget.value)}
      />
    );
  if (layout.kind === "textarea" || message === "google.protobuf.Struct")
    return (
      <Textarea
        {...input}
        autosize
        minRows={4}
        maxRows={20}
        spellCheck={false}
        ff="monospace"
        value={text}
        onChange={({ currentTarget }) => set(currentTarget.value)}
      />
    );
  return (
    <TextInput
      {...input}
      value={text}
      autoComplete="off"
      spellCheck={false}
      inputMode={isNumber(field) ? "numeric" : undefined}
      onChange={({ currentTarget }) => set(currentTarget.value)}
    />
  );
}

function Toggle({ input, on, onChange }: { input: InputProps; on: boolean; onChange: (next: boolean) => void }) {
  const { id, label, description, error, disabled, readOnly, onBlur } = input;
  return (
    <Switch
      id={id}
      label={label}
      description={description}
      error={error}
      disabled={disabled || readOnly}
      checked={on}
      onBlur={onBlur}
      onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      mt={6}
    />
  );
}

/** Several texts or numbers, each a tag. */
function ListInput({ input, path }: { input: InputProps; path: Path }) {
  const form = useForm();
  const value = getAt(form.draft, path);
  return (
    <TagsInput
      {...input}
      placeholder={input.placeholder ?? "Enter after each"}
      acceptValueOnBlur
      value={Array.isArray(value) ? value.map(String) : []}
      onChange={(next) => form.set(path, next)}
    />
  );
}

/** Whether an empty box means zero, and not that the field is not set. */
const isImplicit = (field: DescField): boolean => field.presence === FeatureSet_FieldPresence.IMPLICIT;

function boundsText(field: DescField, { min, max }: Entry): string | undefined {
  if (!isNumber(field)) return undefined;
  if (min !== undefined && max !== undefined) return `${min} to ${max}`;
  if (max !== undefined) return `At most ${max.toLocaleString("en")}`;
  return min === undefined || min === 0 ? undefined : `At least ${min.toLocaleString("en")}`;
}
