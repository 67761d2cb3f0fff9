import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Button, Group, Stack, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocation, useParams } from "wouter";
import { type Token, TokenService, TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import { useProject } from "../../app/project.js";
import { KeyValue, Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { DateTime } from "../../kit/time.js";
import { grantsOf, permissionsOf } from "./grants.js";
import { GrantsEditor } from "./grants-editor.js";
import { type TokenScope, useScope } from "./use-scope.js";

/** Changes what a token may do; its secret and its expiry stay. */
export function Page() {
  const { uuid: project } = useProject();
  const { token: uuid = "" } = useParams();
  const { data, error, refetch } = useQuery(TokenService.method.get, { uuid }, { staleTime: 0 });
  const { scope, error: scopeError, retry } = useScope();
  const list = `/projects/${project}/tokens`;
  const token = data?.token;
  return (
    <PageBody>
      <PageHeader title="Change the token" parents={[{ label: "Tokens", href: list }]} />
      {error !== null && token === undefined && (
        <Problem error={error} what="The token could not be read" onRetry={() => void refetch()} />
      )}
      {scopeError !== null && scope === undefined && (
        <Problem error={scopeError} what="What a token can give could not be read" onRetry={retry} />
      )}
      {token !== undefined && scope !== undefined && (
        <Form key={token.uuid} token={token} scope={scope} project={project} back={list} />
      )}
    </PageBody>
  );
}

function Form({ token, scope, project, back }: { token: Token; scope: TokenScope; project: string; back: string }) {
  const { uuid, adminRole } = token;
  const [description, setDescription] = useState(token.description);
  const [grants, setGrants] = useState(() => grantsOf(token));
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const { mutateAsync, error, isPending } = useMutation(TokenService.method.update);
  const isConsole = token.tokenType === TokenType.CONSOLE;
  const length = description.trim().length;
  const wrong = length < 2 || length > 256 ? "must be 2 to 256 characters long" : undefined;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (wrong !== undefined) return;
    const { projectRoles, tenantRoles } = grants;
    const asked = isConsole ? {} : { permissions: permissionsOf(grants), projectRoles, tenantRoles };
    const answer = await mutateAsync({
      uuid,
      description: description.trim(),
      ...asked,
      ...(adminRole === undefined || isConsole ? {} : { adminRole }),
    }).catch(() => undefined);
    if (answer === undefined) return;
    void queryClient.invalidateQueries();
    notifications.show({ message: "The token is changed." });
    navigate(back);
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack gap="lg">
        <KeyValue
          items={[
            ["Made", <DateTime key="made" at={token.issuedAt} />],
            ["Expires", <DateTime key="expires" at={token.expires} />],
            ["Uuid", uuid],
          ]}
        />
        <TextInput
          label="Description"
          withAsterisk
          autoComplete="off"
          value={description}
          onChange={({ currentTarget }) => setDescription(currentTarget.value)}
          error={wrong}
        />
        <Section title="What it may do">
          {isConsole ? (
            <span>It comes from signing in and gives all that you may do; that cannot be changed.</span>
          ) : (
            <GrantsEditor scope={scope} grants={grants} onChange={setGrants} begin={[project]} />
          )}
        </Section>
        {error !== null && <Problem error={error} what="The token was not changed" />}
        <Group gap="xs">
          <Button type="submit" loading={isPending}>
            Save changes
          </Button>
          <Button variant="default" onClick={() => navigate(back)} disabled={isPending}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
