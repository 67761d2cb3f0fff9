import { Group, Input, NativeSelect, TextInput } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { InputProps } from "./field.js";
import { durationUnits, inUnit, sizeUnits, toLocalInput, unitOf } from "./units.js";

interface ValueProps {
  readonly input: InputProps;
  readonly value: string;
  readonly onChange: (value: string | undefined) => void;
}

/** A number and its unit: a size in bytes, or a length of time as Protobuf's JSON has it (`3600s`). */
export function AmountInput({ input, value, onChange, kind }: ValueProps & { kind: "size" | "duration" }) {
  const units = kind === "size" ? sizeUnits : durationUnits;
  const suffix = kind === "duration" ? "s" : "";
  const amount = value === "" ? Number.NaN : Number(value.endsWith("s") ? value.slice(0, -1) : value);
  const usual = units[1] ?? { name: "", size: 1 };
  const [unit, setUnit] = useState(() => unitOf(amount, units, usual));
  const [text, setText] = useState(() => (Number.isFinite(amount) ? inUnit(amount, unit) : value));
  const told = useRef(value);
  useEffect(() => {
    // Set from outside, as by "Start over".
    if (told.current === value) return;
    told.current = value;
    const next = unitOf(amount, units, usual);
    setUnit(next);
    setText(Number.isFinite(amount) ? inUnit(amount, next) : value);
  });
  const tell = (words: string, in_: typeof unit) => {
    setText(words);
    setUnit(in_);
    const number = Number(words);
    const whole = kind === "size" ? Math.round(number * in_.size) : Number((number * in_.size).toFixed(9));
    told.current = words.trim() === "" ? "" : Number.isFinite(number) ? `${whole}${suffix}` : words;
    onChange(told.current);
  };
  return (
    <Input.Wrapper
      id={input.id}
      label={input.label}
      description={input.description}
      error={input.error}
      withAsterisk={input.withAsterisk}
      inputWrapperOrder={input.inputWrapperOrder}
    >
      <Group gap={0} wrap="nowrap" mb={5}>
        <Input
          id={input.id}
          style={{ flex: 1 }}
          my={0}
          styles={{ input: { borderStartEndRadius: 0, borderEndEndRadius: 0 } }}
          inputMode="decimal"
          autoComplete="off"
          value={text}
          error={input.error}
          disabled={input.disabled}
          readOnly={input.readOnly}
          placeholder={input.placeholder}
          onBlur={input.onBlur}
          onChange={({ currentTarget }) => tell(currentTarget.value, unit)}
        />
        <NativeSelect
          w={kind === "size" ? 84 : 108}
          my={0}
          styles={{ input: { borderStartStartRadius: 0, borderEndStartRadius: 0, borderInlineStart: 0 } }}
          aria-label={`Unit of ${input.label.toLowerCase()}`}
          data={units.map(({ name }) => name)}
          value={unit.name}
          disabled={input.disabled || input.readOnly}
          onChange={({ currentTarget }) => tell(text, units.find(({ name }) => name === currentTarget.value) ?? unit)}
        />
      </Group>
    </Input.Wrapper>
  );
}

/** Date and time in the reader's zone. */
export function DateTimeInput({ input, value, onChange }: ValueProps) {
  return (
    <TextInput
      {...input}
      type="datetime-local"
      value={toLocalInput(value)}
      onChange={({ currentTarget: { value: next } }) =>
        onChange(next === "" ? undefined : new Date(next).toISOString())
      }
    />
  );
}

/** A time of day in UTC, beside what that is in the reader's zone. */
export function TimeOfDayInput({ input, value, onChange }: ValueProps) {
  const time = value.slice(11, 16);
  const today = new Date().toISOString().slice(0, 10);
  const local = time === "" ? undefined : new Date(`${today}T${time}:00Z`);
  const isUtc = local?.getTimezoneOffset() === 0;
  const here = local?.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
  return (
    <TextInput
      {...input}
      type="time"
      description={[input.description, here === undefined || isUtc ? undefined : `${here} here`]
        .filter(Boolean)
        .join(" · ")}
      value={time}
      onChange={({ currentTarget: { value: next } }) => onChange(next === "" ? undefined : `1970-01-01T${next}:00Z`)}
    />
  );
}
