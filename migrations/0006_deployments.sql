CREATE TABLE "environments" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"is_default" boolean DEFAULT false NOT NULL,
	"node_selector" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"tolerations" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"constraints" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "environments_name" UNIQUE("project","name"),
	CONSTRAINT "environments_project" UNIQUE("project","id")
);
--> statement-breakpoint
CREATE TABLE "target_namespaces" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"target" uuid NOT NULL,
	"name" text NOT NULL,
	"adopt" boolean DEFAULT false NOT NULL,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"generation" bigint DEFAULT 1 NOT NULL,
	"applied_generation" bigint DEFAULT 0 NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"adopted" boolean DEFAULT false NOT NULL,
	"delete_requested_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "target_namespaces_name" UNIQUE("target","name"),
	CONSTRAINT "target_namespaces_project" UNIQUE("project","id"),
	CONSTRAINT "target_namespaces_state" CHECK ("target_namespaces"."state" in ('pending', 'active', 'refused', 'terminating'))
);
--> statement-breakpoint
CREATE TABLE "secret_versions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"secret" uuid NOT NULL,
	"version" bigint NOT NULL,
	"keys" text[] NOT NULL,
	"data_sealed" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "secret_versions_once" UNIQUE("secret","version"),
	CONSTRAINT "secret_versions_version" CHECK ("secret_versions"."version" >= 1)
);
--> statement-breakpoint
CREATE TABLE "secrets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"environment" uuid,
	"collection" text DEFAULT '' NOT NULL,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"type" text NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"certificate" jsonb,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "secrets_type" CHECK ("secrets"."type" in ('opaque', 'tls', 'cloud_credential', 'registry')),
	CONSTRAINT "secrets_certificate" CHECK (("secrets"."type" = 'tls') = ("secrets"."certificate" is not null))
);
--> statement-breakpoint
CREATE TABLE "targets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"cluster" uuid,
	"kubeconfig_sealed" text,
	"routers" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"connection" text DEFAULT 'pending' NOT NULL,
	"connection_message" text DEFAULT '' NOT NULL,
	"last_seen_at" timestamp with time zone,
	"health" text DEFAULT 'unknown' NOT NULL,
	"health_message" text DEFAULT '' NOT NULL,
	"server" text DEFAULT '' NOT NULL,
	"kubernetes_version" text DEFAULT '' NOT NULL,
	"capabilities" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"nodes" jsonb,
	"observed_version" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "targets_name" UNIQUE("project","name"),
	CONSTRAINT "targets_cluster" UNIQUE("project","cluster"),
	CONSTRAINT "targets_project" UNIQUE("project","id"),
	CONSTRAINT "targets_source" CHECK (("targets"."cluster" is null) <> ("targets"."kubeconfig_sealed" is null)),
	CONSTRAINT "targets_connection" CHECK ("targets"."connection" in ('pending', 'connected', 'disconnected')),
	CONSTRAINT "targets_health" CHECK ("targets"."health" in ('unknown', 'healthy', 'degraded', 'unhealthy'))
);
--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "target_namespaces" ADD CONSTRAINT "target_namespaces_project_target_targets_project_id_fk" FOREIGN KEY ("project","target") REFERENCES "public"."targets"("project","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "secret_versions" ADD CONSTRAINT "secret_versions_secret_secrets_id_fk" FOREIGN KEY ("secret") REFERENCES "public"."secrets"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "secrets" ADD CONSTRAINT "secrets_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "secrets" ADD CONSTRAINT "secrets_project_environment_environments_project_id_fk" FOREIGN KEY ("project","environment") REFERENCES "public"."environments"("project","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "targets" ADD CONSTRAINT "targets_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "targets" ADD CONSTRAINT "targets_cluster_clusters_id_fk" FOREIGN KEY ("cluster") REFERENCES "public"."clusters"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "environments_default" ON "environments" USING btree ("project") WHERE "environments"."is_default";--> statement-breakpoint
CREATE UNIQUE INDEX "secrets_name" ON "secrets" USING btree ("project",coalesce("environment"::text, ''),"collection","name");--> statement-breakpoint
CREATE INDEX "secrets_environment" ON "secrets" USING btree ("environment");--> statement-breakpoint
CREATE INDEX "targets_of_cluster" ON "targets" USING btree ("cluster");--> statement-breakpoint
CREATE TRIGGER "environments_changed" AFTER INSERT OR UPDATE OR DELETE ON "environments" FOR EACH ROW EXECUTE FUNCTION record_change('environment', 'project', 'id');
--> statement-breakpoint
CREATE TRIGGER "targets_changed" AFTER INSERT OR UPDATE OR DELETE ON "targets" FOR EACH ROW EXECUTE FUNCTION record_change('target', 'project', 'id');
--> statement-breakpoint
CREATE TRIGGER "target_namespaces_changed" AFTER INSERT OR UPDATE OR DELETE ON "target_namespaces" FOR EACH ROW EXECUTE FUNCTION record_change('target_namespace', 'project', 'id');
--> statement-breakpoint
CREATE TRIGGER "secrets_changed" AFTER INSERT OR UPDATE OR DELETE ON "secrets" FOR EACH ROW EXECUTE FUNCTION record_change('secret', 'project', 'id');
--> statement-breakpoint
-- The content of a version never changes; only the key that seals it does.
CREATE FUNCTION keep_secret_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (old.secret, old.version, old.keys) IS DISTINCT FROM (new.secret, new.version, new.keys) THEN
    RAISE EXCEPTION 'version % of a secret does not change', old.version USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN new;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "secret_versions_kept" BEFORE UPDATE ON "secret_versions" FOR EACH ROW EXECUTE FUNCTION keep_secret_version();
