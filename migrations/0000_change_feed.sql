-- The change feed: every change of a watched row leaves a row here, in the same transaction.
-- Readers go by transaction (xid), not by id, for ids become visible out of order.
create table changes (
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  topic text not null,
  scope text not null,
  key text not null,
  at timestamptz not null default now()
);
--> statement-breakpoint
create index changes_xid_index on changes (xid);
--> statement-breakpoint
create index changes_at_index on changes (at);
--> statement-breakpoint
-- To watch a table: create trigger NAME after insert or update or delete on TABLE
-- for each row execute function record_change('topic', 'scope_column', 'key_column');
create function record_change() returns trigger language plpgsql as $$
declare
  changed jsonb := to_jsonb(coalesce(new, old));
begin
  insert into changes (topic, scope, key) values (tg_argv[0], changed ->> tg_argv[1], changed ->> tg_argv[2]);
  -- A row that moves has changed where it was, too.
  if tg_op = 'UPDATE' and to_jsonb(old) ->> tg_argv[1] is distinct from changed ->> tg_argv[1] then
    insert into changes (topic, scope, key) values (tg_argv[0], to_jsonb(old) ->> tg_argv[1], changed ->> tg_argv[2]);
  end if;
  return null;
end
$$;
--> statement-breakpoint
create function announce_changes() returns trigger language plpgsql as $$
begin
  perform pg_notify('slipway_changes', '');
  return null;
end
$$;
--> statement-breakpoint
create trigger announce after insert on changes for each statement execute function announce_changes();
