import { Code, ConnectError } from "@connectrpc/connect";
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type Budget, BudgetService } from "../../../../gen/ts/billing/v1/budget_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { decimalOf, minorDigits, minorOf, moneyText } from "../invoices/money.js";
import classes from "./usage.module.css";

/** The budget of each month, and how much of it is spent. It stops nothing. */
export function BudgetSection({ tenant, spent, currency }: { tenant: string; spent: bigint; currency: string }) {
  const { data, error, refetch } = useQuery(BudgetService.method.get, { login: tenant }, { retry: false });
  const [dialog, setDialog] = useState<"none" | "set" | "remove">("none");
  const queryClient = useQueryClient();
  const remove = useMutation(BudgetService.method.delete);
  const isMissing = error instanceof ConnectError && error.code === Code.NotFound;
  const budget = isMissing ? undefined : data?.budget;
  const close = () => setDialog("none");
  return (
    <Section
      title="Budget"
      actions={
        <Group gap="xs">
          {budget !== undefined && (
            <Button variant="default" onClick={() => setDialog("remove")}>
              Remove
            </Button>
          )}
          <Button variant="default" onClick={() => setDialog("set")}>
            {budget === undefined ? "Set a budget" : "Change"}
          </Button>
        </Group>
      }
    >
      <div className={classes.budget}>
        {error !== null && !isMissing ? (
          <Problem error={error} what="The budget could not be read" onRetry={() => void refetch()} />
        ) : budget === undefined ? (
          <span>{isMissing && "None. A budget stops nothing; it alerts when spending reaches parts of it."}</span>
        ) : (
          <State budget={budget} spent={spent} />
        )}
      </div>
      <Modal
        opened={dialog === "set"}
        onClose={close}
        title="Budget of each month"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Form tenant={tenant} budget={budget} currency={budget?.currency ?? currency} onDone={close} />
      </Modal>
      <Confirm
        opened={dialog === "remove"}
        title="Remove the budget"
        action="Remove"
        onClose={close}
        onConfirm={() => remove.mutateAsync({ login: tenant }).then(() => queryClient.invalidateQueries())}
      >
        Nobody is alerted any more. Alerts that were given stay.
      </Confirm>
    </Section>
  );
}

function State({ budget, spent }: { budget: Budget; spent: bigint }) {
  const { amount, currency, thresholds, forecastThresholds } = budget;
  // In hundredths of a percent, so that no cent is lost before it is a share.
  const percent = amount === 0n ? 0 : Number((spent * 10_000n) / amount) / 100;
  const list = (values: readonly number[]) => values.map((each) => `${each} %`).join(", ");
  return (
    <>
      <span>
        {moneyText(spent, currency)} of {moneyText(amount, currency)}
      </span>
      <Progress value={percent} label="Spent of the budget" tone={percent >= 100 ? "bad" : "busy"} />
      <span>
        Alerts at {list(thresholds) || "no part"} of it spent
        {forecastThresholds.length > 0 && `, and at ${list(forecastThresholds)} by the forecast`}.
      </span>
    </>
  );
}

function Form(props: { tenant: string; budget: Budget | undefined; currency: string; onDone: () => void }) {
  const { tenant, budget, currency, onDone } = props;
  const [text, setText] = useState(() =>
    budget === undefined ? "" : decimalOf(budget.amount, minorDigits(budget.currency)),
  );
  const [tried, setTried] = useState(false);
  const queryClient = useQueryClient();
  const { mutateAsync, error, isPending } = useMutation(BudgetService.method.set);
  const amount = minorOf(text, currency);
  const wrong = amount === undefined || amount <= 0n ? "must be an amount above 0, such as 250.00" : undefined;
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (wrong !== undefined || amount === undefined) return;
    const { thresholds = [], forecastThresholds = [] } = budget ?? {};
    const answer = await mutateAsync({ login: tenant, amount, thresholds, forecastThresholds }).catch(() => undefined);
    if (answer === undefined) return;
    notifications.show({ message: "The budget is set." });
    void queryClient.invalidateQueries();
    onDone();
  };
  return (
    <form onSubmit={(event) => void save(event)} noValidate>
      <Stack gap="sm">
        <TextInput
          label={`Amount in ${currency.toUpperCase()}`}
          description="Before discounts and tax. Alerts come at 50, 80 and 100 % of it."
          withAsterisk
          inputMode="decimal"
          autoComplete="off"
          data-autofocus
          value={text}
          error={tried ? wrong : undefined}
          onChange={({ currentTarget }) => setText(currentTarget.value)}
        />
        {error !== null && <Problem error={error} what="The budget was not set" />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={isPending}>
            Set the budget
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
