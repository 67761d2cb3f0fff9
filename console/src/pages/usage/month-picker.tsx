import { ActionIcon, Group, Select } from "@mantine/core";
import { Icon } from "../../kit/icons.js";
import { monthText, shifted } from "./months.js";
import classes from "./usage.module.css";

/** So many months back can be chosen. */
const back = 36;

/** Chooses a month, up to this one. */
export function MonthPicker(props: { month: string; now: string; onChange: (month: string) => void }) {
  const { month, now, onChange } = props;
  const months = Array.from({ length: back }, (_, i) => shifted(now, -i));
  const choices = months.includes(month) ? months : [...months, month];
  return (
    <Group gap={4} wrap="nowrap">
      <ActionIcon aria-label="The month before" size="md" onClick={() => onChange(shifted(month, -1))}>
        <Icon name="chevron" className={classes.back} />
      </ActionIcon>
      <Select
        aria-label="Month"
        size="xs"
        w={160}
        data={choices.map((value) => ({ value, label: monthText(value) }))}
        value={month}
        onChange={(next) => next !== null && onChange(next)}
        allowDeselect={false}
        searchable
      />
      <ActionIcon
        aria-label="The month after"
        size="md"
        disabled={month === now}
        onClick={() => onChange(shifted(month, 1))}
      >
        <Icon name="chevron" />
      </ActionIcon>
    </Group>
  );
}
