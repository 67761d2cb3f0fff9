-- Replicas that the scale of a deployment may come to: what the load may want at most, or else what is wanted.
CREATE FUNCTION units_of(scale jsonb) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT coalesce(sum(coalesce((entry -> 'autoscale' ->> 'max')::integer, (entry ->> 'replicas')::integer)), 0)::integer
  FROM jsonb_each(scale) AS processes(process, entry)
  WHERE coalesce((entry ->> 'stopped')::boolean, false) = false
$$;
--> statement-breakpoint
CREATE TABLE "deployments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"environment" uuid NOT NULL,
	"target" uuid NOT NULL,
	"namespace" uuid NOT NULL,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"object_name" text NOT NULL,
	"kind" text NOT NULL,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"scale" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"units" integer GENERATED ALWAYS AS (units_of(scale)) STORED NOT NULL,
	"auto_rollback" boolean DEFAULT false NOT NULL,
	"rollout_seconds" integer DEFAULT 600 NOT NULL,
	"active_release" integer DEFAULT 0 NOT NULL,
	"last_release" integer DEFAULT 0 NOT NULL,
	"inventory" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"stopped" text DEFAULT '' NOT NULL,
	"phase" text DEFAULT 'working' NOT NULL,
	"phase_message" text DEFAULT '' NOT NULL,
	"health" text DEFAULT 'unknown' NOT NULL,
	"health_message" text DEFAULT '' NOT NULL,
	"reported" text DEFAULT '' NOT NULL,
	"observed" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"revision" bigint DEFAULT 1 NOT NULL,
	"changed_xid" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"deleted_at" timestamp with time zone,
	"live_environment" uuid GENERATED ALWAYS AS (case when deleted_at is null then environment end) STORED,
	"live_target" uuid GENERATED ALWAYS AS (case when deleted_at is null then target end) STORED,
	"live_namespace" uuid GENERATED ALWAYS AS (case when deleted_at is null then namespace end) STORED,
	CONSTRAINT "deployments_project" UNIQUE("project","id"),
	CONSTRAINT "deployments_stopped" CHECK ("deployments"."stopped" in ('', 'scaled', 'uninstalled')),
	CONSTRAINT "deployments_phase" CHECK ("deployments"."phase" in ('idle', 'working', 'failed', 'stopped', 'deleting', 'deleted') and ("deployments"."phase" = 'deleted') = ("deployments"."deleted_at" is not null)),
	CONSTRAINT "deployments_health" CHECK ("deployments"."health" in ('unknown', 'healthy', 'progressing', 'degraded', 'unhealthy', 'stopped')),
	CONSTRAINT "deployments_releases" CHECK ("deployments"."active_release" between 0 and "deployments"."last_release")
);
--> statement-breakpoint
CREATE TABLE "quotas" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text,
	"project" uuid,
	"environment" uuid,
	"deployment" uuid,
	"deployments_limit" bigint,
	"units_limit" bigint,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "quotas_one" CHECK (("quotas"."tenant" is null) <> ("quotas"."project" is null)),
	CONSTRAINT "quotas_part" CHECK (("quotas"."environment" is null or "quotas"."deployment" is null) and ("quotas"."tenant" is null or ("quotas"."environment" is null and "quotas"."deployment" is null))),
	CONSTRAINT "quotas_limits" CHECK ("quotas"."deployments_limit" >= 0 and "quotas"."units_limit" >= 0)
);
--> statement-breakpoint
CREATE TABLE "releases" (
	"id" uuid PRIMARY KEY NOT NULL,
	"deployment" uuid NOT NULL,
	"number" integer NOT NULL,
	"cause" text NOT NULL,
	"rollback_of" integer,
	"status" text DEFAULT 'pending' NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"summary" text DEFAULT '' NOT NULL,
	"change_sealed" text NOT NULL,
	"content" jsonb,
	"config_sealed" text,
	"uses_secrets" uuid[] DEFAULT '{}' NOT NULL,
	"follows_secrets" uuid[] DEFAULT '{}' NOT NULL,
	"uses_volume_claims" uuid[] DEFAULT '{}' NOT NULL,
	"rollback_disabled" boolean DEFAULT false NOT NULL,
	"rollback_disabled_reason" text DEFAULT '' NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"activated_at" timestamp with time zone,
	CONSTRAINT "releases_number" UNIQUE("deployment","number"),
	CONSTRAINT "releases_positive" CHECK ("releases"."number" >= 1),
	CONSTRAINT "releases_cause" CHECK ("releases"."cause" in ('created', 'updated', 'config', 'build', 'rollback', 'dependency', 'restore', 'move')),
	CONSTRAINT "releases_status" CHECK ("releases"."status" in ('pending', 'active', 'superseded', 'failed')),
	CONSTRAINT "releases_content" CHECK (("releases"."content" is null) = ("releases"."config_sealed" is null)),
	CONSTRAINT "releases_ran" CHECK ("releases"."status" in ('pending', 'failed') or ("releases"."content" is not null and "releases"."activated_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "routes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text NOT NULL,
	"project" uuid NOT NULL,
	"deployment" uuid NOT NULL,
	"hostname" text NOT NULL,
	"path" text DEFAULT '/' NOT NULL,
	"router" text NOT NULL,
	"process" text DEFAULT '' NOT NULL,
	"port" text DEFAULT '' NOT NULL,
	"service" text DEFAULT '' NOT NULL,
	"tls" jsonb NOT NULL,
	"traffic" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"annotations" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "routes_hostname" UNIQUE("tenant","hostname"),
	CONSTRAINT "routes_state" CHECK ("routes"."state" in ('pending', 'active', 'failed', 'deleting'))
);
--> statement-breakpoint
CREATE TABLE "shell_inputs" (
	"session" uuid NOT NULL,
	"number" bigint NOT NULL,
	"input_sealed" text NOT NULL,
	CONSTRAINT "shell_inputs_session_number_pk" PRIMARY KEY("session","number")
);
--> statement-breakpoint
CREATE TABLE "shell_sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"deployment" uuid NOT NULL,
	"principal" text NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	"alive_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "deploy_settings" (
	"tenant" text PRIMARY KEY NOT NULL,
	"settings" jsonb NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"updated_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "deployment_tasks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"deployment" uuid NOT NULL,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"release" integer,
	"params" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"actor" text NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"idempotency_key" text DEFAULT '' NOT NULL,
	"request_hash" text DEFAULT '' NOT NULL,
	"retry_of" uuid,
	"execute_at" timestamp with time zone NOT NULL,
	"units_after" integer,
	"steps" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"lease_owner" uuid,
	"lease_until" timestamp with time zone,
	"deadline_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"revision" bigint DEFAULT 1 NOT NULL,
	"changed_xid" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "deployment_tasks_kind" CHECK ("deployment_tasks"."kind" in ('create', 'release', 'scale', 'start', 'stop', 'restart', 'move', 'delete', 'route', 'action')),
	CONSTRAINT "deployment_tasks_state" CHECK ("deployment_tasks"."state" in ('queued', 'scheduled', 'running', 'canceling', 'succeeded', 'failed', 'canceled', 'expired')),
	CONSTRAINT "deployment_tasks_lease" CHECK (("deployment_tasks"."state" in ('running', 'canceling')) = ("deployment_tasks"."lease_until" is not null)),
	CONSTRAINT "deployment_tasks_ended" CHECK (("deployment_tasks"."state" in ('succeeded', 'failed', 'canceled', 'expired')) = ("deployment_tasks"."finished_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "task_log_lines" (
	"task" uuid NOT NULL,
	"number" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"step" text NOT NULL,
	"text" text NOT NULL,
	CONSTRAINT "task_log_lines_task_number_pk" PRIMARY KEY("task","number")
);
--> statement-breakpoint
CREATE TABLE "volume_claims" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"environment" uuid NOT NULL,
	"namespace" uuid NOT NULL,
	"name" text NOT NULL,
	"size" text NOT NULL,
	"storage_class" text DEFAULT '' NOT NULL,
	"access_mode" text NOT NULL,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"generation" bigint DEFAULT 1 NOT NULL,
	"applied_generation" bigint DEFAULT 0 NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"capacity" text DEFAULT '' NOT NULL,
	"delete_requested_at" timestamp with time zone,
	"version" bigint DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "volume_claims_name" UNIQUE("namespace","name"),
	CONSTRAINT "volume_claims_project" UNIQUE("project","id"),
	CONSTRAINT "volume_claims_access" CHECK ("volume_claims"."access_mode" in ('ReadWriteOnce', 'ReadWriteMany', 'ReadOnlyMany')),
	CONSTRAINT "volume_claims_state" CHECK ("volume_claims"."state" in ('pending', 'bound', 'failed', 'terminating'))
);
--> statement-breakpoint
ALTER TABLE "projects" ADD CONSTRAINT "projects_of_tenant" UNIQUE("tenant","id");--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_environment" FOREIGN KEY ("project","live_environment") REFERENCES "public"."environments"("project","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_target" FOREIGN KEY ("project","live_target") REFERENCES "public"."targets"("project","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_namespace" FOREIGN KEY ("project","live_namespace") REFERENCES "public"."target_namespaces"("project","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quotas" ADD CONSTRAINT "quotas_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quotas" ADD CONSTRAINT "quotas_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quotas" ADD CONSTRAINT "quotas_environment" FOREIGN KEY ("project","environment") REFERENCES "public"."environments"("project","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quotas" ADD CONSTRAINT "quotas_deployment" FOREIGN KEY ("project","deployment") REFERENCES "public"."deployments"("project","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_deployment_deployments_id_fk" FOREIGN KEY ("deployment") REFERENCES "public"."deployments"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routes" ADD CONSTRAINT "routes_project" FOREIGN KEY ("tenant","project") REFERENCES "public"."projects"("tenant","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "routes" ADD CONSTRAINT "routes_deployment" FOREIGN KEY ("project","deployment") REFERENCES "public"."deployments"("project","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "shell_inputs" ADD CONSTRAINT "shell_inputs_session_shell_sessions_id_fk" FOREIGN KEY ("session") REFERENCES "public"."shell_sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "shell_sessions" ADD CONSTRAINT "shell_sessions_deployment_deployments_id_fk" FOREIGN KEY ("deployment") REFERENCES "public"."deployments"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deploy_settings" ADD CONSTRAINT "deploy_settings_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deployment_tasks" ADD CONSTRAINT "deployment_tasks_retry_of_deployment_tasks_id_fk" FOREIGN KEY ("retry_of") REFERENCES "public"."deployment_tasks"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deployment_tasks" ADD CONSTRAINT "deployment_tasks_deployment" FOREIGN KEY ("project","deployment") REFERENCES "public"."deployments"("project","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "task_log_lines" ADD CONSTRAINT "task_log_lines_task_deployment_tasks_id_fk" FOREIGN KEY ("task") REFERENCES "public"."deployment_tasks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "volume_claims" ADD CONSTRAINT "volume_claims_environment" FOREIGN KEY ("project","environment") REFERENCES "public"."environments"("project","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "volume_claims" ADD CONSTRAINT "volume_claims_namespace" FOREIGN KEY ("project","namespace") REFERENCES "public"."target_namespaces"("project","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "deployments_name" ON "deployments" USING btree ("environment","name") WHERE "deployments"."deleted_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "deployments_object_name" ON "deployments" USING btree ("project","object_name") WHERE "deployments"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "deployments_of_target" ON "deployments" USING btree ("live_target");--> statement-breakpoint
CREATE INDEX "deployments_of_namespace" ON "deployments" USING btree ("live_namespace");--> statement-breakpoint
CREATE INDEX "deployments_changed" ON "deployments" USING btree ("project","changed_xid");--> statement-breakpoint
CREATE UNIQUE INDEX "quotas_scope" ON "quotas" USING btree (coalesce("tenant", ''),coalesce("deployment", "environment", "project", '00000000-0000-0000-0000-000000000000'));--> statement-breakpoint
CREATE UNIQUE INDEX "releases_active" ON "releases" USING btree ("deployment") WHERE "releases"."status" = 'active';--> statement-breakpoint
CREATE INDEX "releases_secrets" ON "releases" USING gin ("uses_secrets");--> statement-breakpoint
CREATE INDEX "releases_volume_claims" ON "releases" USING gin ("uses_volume_claims");--> statement-breakpoint
CREATE INDEX "routes_of_deployment" ON "routes" USING btree ("deployment");--> statement-breakpoint
CREATE INDEX "shell_sessions_alive" ON "shell_sessions" USING btree ("alive_at");--> statement-breakpoint
CREATE UNIQUE INDEX "deployment_tasks_running" ON "deployment_tasks" USING btree ("deployment") WHERE "deployment_tasks"."state" in ('running', 'canceling');--> statement-breakpoint
CREATE UNIQUE INDEX "deployment_tasks_idempotency" ON "deployment_tasks" USING btree ("project","idempotency_key") WHERE "deployment_tasks"."idempotency_key" <> '';--> statement-breakpoint
CREATE INDEX "deployment_tasks_of_project" ON "deployment_tasks" USING btree ("project","id");--> statement-breakpoint
CREATE INDEX "deployment_tasks_of_deployment" ON "deployment_tasks" USING btree ("deployment","id");--> statement-breakpoint
CREATE INDEX "deployment_tasks_changed" ON "deployment_tasks" USING btree ("project","changed_xid");--> statement-breakpoint
CREATE INDEX "deployment_tasks_open" ON "deployment_tasks" USING btree ("deployment") WHERE "deployment_tasks"."state" in ('queued', 'scheduled', 'running', 'canceling');--> statement-breakpoint
CREATE INDEX "volume_claims_environment_index" ON "volume_claims" USING btree ("environment");
--> statement-breakpoint
-- Each write of a row raises its revision, and says in which transaction it was: watchers that come back ask for what
-- was written in transactions that they cannot have seen.
CREATE FUNCTION stamp_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF tg_op = 'UPDATE' THEN
    new.revision := old.revision + 1;
  END IF;
  new.changed_xid := pg_current_xact_id()::text::bigint;
  RETURN new;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "deployments_stamped" BEFORE INSERT OR UPDATE ON "deployments" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
--> statement-breakpoint
CREATE TRIGGER "deployment_tasks_stamped" BEFORE INSERT OR UPDATE ON "deployment_tasks" FOR EACH ROW EXECUTE FUNCTION stamp_revision();
--> statement-breakpoint
CREATE TRIGGER "deployments_watched" AFTER INSERT OR UPDATE OR DELETE ON "deployments" FOR EACH ROW EXECUTE FUNCTION record_change('deployment', 'project', 'id');
--> statement-breakpoint
CREATE TRIGGER "deployment_tasks_watched" AFTER INSERT OR UPDATE OR DELETE ON "deployment_tasks" FOR EACH ROW EXECUTE FUNCTION record_change('deployment_task', 'project', 'id');
--> statement-breakpoint
CREATE TRIGGER "routes_watched" AFTER INSERT OR UPDATE OR DELETE ON "routes" FOR EACH ROW EXECUTE FUNCTION record_change('route', 'project', 'id');
--> statement-breakpoint
CREATE TRIGGER "volume_claims_watched" AFTER INSERT OR UPDATE OR DELETE ON "volume_claims" FOR EACH ROW EXECUTE FUNCTION record_change('volume_claim', 'project', 'id');
--> statement-breakpoint
CREATE TRIGGER "shell_inputs_watched" AFTER INSERT ON "shell_inputs" FOR EACH ROW EXECUTE FUNCTION record_change('shell_input', 'session', 'session');
--> statement-breakpoint
-- What a release holds is written once; only the key that seals it changes after that.
CREATE FUNCTION keep_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (old.deployment, old.number, old.cause, old.rollback_of, old.created_by, old.created_at)
      IS DISTINCT FROM (new.deployment, new.number, new.cause, new.rollback_of, new.created_by, new.created_at)
    OR (old.content IS NOT NULL AND (old.content, old.uses_secrets, old.follows_secrets, old.uses_volume_claims)
      IS DISTINCT FROM (new.content, new.uses_secrets, new.follows_secrets, new.uses_volume_claims))
    OR (old.config_sealed IS NOT NULL AND new.config_sealed IS NULL)
  THEN
    RAISE EXCEPTION 'release % does not change', old.number USING ERRCODE = 'restrict_violation';
  END IF;
  IF old.status IN ('superseded', 'failed') AND new.status <> old.status OR old.status = 'active' AND new.status NOT IN ('active', 'superseded') THEN
    RAISE EXCEPTION 'release % is % and cannot become %', old.number, old.status, new.status USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN new;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "releases_kept" BEFORE UPDATE ON "releases" FOR EACH ROW EXECUTE FUNCTION keep_release();
