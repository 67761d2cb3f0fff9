CREATE TABLE "invites" (
	"digest" text PRIMARY KEY NOT NULL,
	"sealed" text NOT NULL,
	"tenant" text,
	"project" uuid,
	"role" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"joined_at" timestamp with time zone,
	"joined_by" text,
	CONSTRAINT "invites_target" CHECK (("invites"."tenant" is null) <> ("invites"."project" is null)),
	CONSTRAINT "invites_role" CHECK ("invites"."role" in ('owner', 'editor', 'viewer', 'guest')),
	CONSTRAINT "invites_project_role" CHECK ("invites"."project" is null or "invites"."role" <> 'guest'),
	CONSTRAINT "invites_joined" CHECK (("invites"."joined_at" is null) = ("invites"."joined_by" is null))
);
--> statement-breakpoint
CREATE TABLE "custom_roles" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"scope" text NOT NULL,
	"permissions" text[] NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "custom_roles_scope" CHECK ("custom_roles"."scope" in ('tenant', 'project', 'environment', 'deployment'))
);
--> statement-breakpoint
CREATE TABLE "role_bindings" (
	"id" uuid PRIMARY KEY NOT NULL,
	"scope" text NOT NULL,
	"tenant" text,
	"project" uuid,
	"subject" uuid,
	"principal" text,
	"email" text,
	"built_in_role" text,
	"custom_role" uuid,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "role_bindings_scope" CHECK ("role_bindings"."scope" in ('tenant', 'project', 'environment', 'deployment')),
	CONSTRAINT "role_bindings_tenant_scope" CHECK (("role_bindings"."tenant" is not null) = ("role_bindings"."scope" = 'tenant')),
	CONSTRAINT "role_bindings_project_scope" CHECK (("role_bindings"."project" is not null) = ("role_bindings"."scope" <> 'tenant')),
	CONSTRAINT "role_bindings_subject" CHECK (("role_bindings"."subject" is not null) = ("role_bindings"."scope" in ('environment', 'deployment'))),
	CONSTRAINT "role_bindings_holder" CHECK (("role_bindings"."principal" is null) <> ("role_bindings"."email" is null)),
	CONSTRAINT "role_bindings_role_kind" CHECK (("role_bindings"."built_in_role" is null) <> ("role_bindings"."custom_role" is null)),
	CONSTRAINT "role_bindings_built_in_role" CHECK ("role_bindings"."built_in_role" in ('owner', 'editor', 'viewer', 'guest')),
	CONSTRAINT "role_bindings_guest" CHECK ("role_bindings"."built_in_role" <> 'guest' or "role_bindings"."scope" = 'tenant'),
	CONSTRAINT "role_bindings_no_membership" CHECK ("role_bindings"."principal" is null or "role_bindings"."custom_role" is not null or "role_bindings"."scope" in ('environment', 'deployment'))
);
--> statement-breakpoint
CREATE TABLE "login_attempts" (
	"digest" text PRIMARY KEY NOT NULL,
	"provider" text NOT NULL,
	"sealed" text NOT NULL,
	"redirect_url" text NOT NULL,
	"answer" text NOT NULL,
	"client_state" text DEFAULT '' NOT NULL,
	"code_challenge" text,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "login_attempts_answer" CHECK ("login_attempts"."answer" in ('token', 'code')),
	CONSTRAINT "login_attempts_challenge" CHECK (("login_attempts"."code_challenge" is not null) = ("login_attempts"."answer" = 'code'))
);
--> statement-breakpoint
CREATE TABLE "login_codes" (
	"digest" text PRIMARY KEY NOT NULL,
	"session" uuid NOT NULL,
	"code_challenge" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"principal" text NOT NULL,
	"refresh_digest" text,
	"refreshes" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "credential_uses" (
	"credential" uuid PRIMARY KEY NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "credentials" (
	"id" uuid PRIMARY KEY NOT NULL,
	"principal" text NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"digest" text,
	"rotated_at" timestamp with time zone NOT NULL,
	"previous_digest" text,
	"previous_until" timestamp with time zone,
	"public_key" text,
	"fingerprint" text,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone,
	CONSTRAINT "credentials_name" UNIQUE("principal","name"),
	CONSTRAINT "credentials_kind" CHECK ("credentials"."kind" in ('api_key', 'client_secret', 'ssh_public_key')),
	CONSTRAINT "credentials_secret" CHECK (("credentials"."digest" is null) = ("credentials"."kind" = 'ssh_public_key')),
	CONSTRAINT "credentials_public_key" CHECK (("credentials"."public_key" is not null and "credentials"."fingerprint" is not null) = ("credentials"."kind" = 'ssh_public_key')),
	CONSTRAINT "credentials_previous" CHECK (("credentials"."previous_digest" is null) = ("credentials"."previous_until" is null))
);
--> statement-breakpoint
CREATE TABLE "identities" (
	"provider" text NOT NULL,
	"subject" text NOT NULL,
	"principal" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "identities_provider_subject_pk" PRIMARY KEY("provider","subject")
);
--> statement-breakpoint
CREATE TABLE "password_resets" (
	"digest" text PRIMARY KEY NOT NULL,
	"principal" text NOT NULL,
	"created_by" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "passwords" (
	"principal" text PRIMARY KEY NOT NULL,
	"digest" text,
	"changed_at" timestamp with time zone,
	"failures" integer DEFAULT 0 NOT NULL,
	"locked_until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "team_members" (
	"team" text NOT NULL,
	"member" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "team_members_team_member_pk" PRIMARY KEY("team","member")
);
--> statement-breakpoint
ALTER TABLE "users" RENAME TO "principals";--> statement-breakpoint
ALTER TABLE "principals" RENAME COLUMN "login" TO "id";--> statement-breakpoint
ALTER TABLE "principals" DROP CONSTRAINT "users_admin_role";--> statement-breakpoint
ALTER TABLE "project_members" DROP CONSTRAINT "project_members_member_users_login_fk";
--> statement-breakpoint
ALTER TABLE "tenant_members" DROP CONSTRAINT "tenant_members_member_users_login_fk";
--> statement-breakpoint
ALTER TABLE "tokens" DROP CONSTRAINT "tokens_owner_users_login_fk";
--> statement-breakpoint
ALTER TABLE "signing_keys" ADD COLUMN "signs_from" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
-- Keys that are there already have signed from the start.
UPDATE "signing_keys" SET "signs_from" = "created_at";--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "admission_requested_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "admission_note" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "vat" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "tokens" ADD COLUMN "session" uuid;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "kind" text DEFAULT 'user' NOT NULL;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "tenant" text;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "name" text;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "email" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "description" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "avatar_url" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "oauth_provider" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "enabled" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "tags" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "created_by" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "updated_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "principals" ADD COLUMN "signed_in_at" timestamp with time zone;--> statement-breakpoint
-- Whoever is there already is a user, named by the login.
UPDATE "principals" SET "name" = "id", "updated_at" = "created_at";--> statement-breakpoint
ALTER TABLE "principals" ALTER COLUMN "kind" DROP DEFAULT, ALTER COLUMN "name" SET NOT NULL, ALTER COLUMN "updated_at" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "invites" ADD CONSTRAINT "invites_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invites" ADD CONSTRAINT "invites_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "custom_roles" ADD CONSTRAINT "custom_roles_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "role_bindings" ADD CONSTRAINT "role_bindings_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "role_bindings" ADD CONSTRAINT "role_bindings_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "role_bindings" ADD CONSTRAINT "role_bindings_principal_principals_id_fk" FOREIGN KEY ("principal") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "role_bindings" ADD CONSTRAINT "role_bindings_custom_role_custom_roles_id_fk" FOREIGN KEY ("custom_role") REFERENCES "public"."custom_roles"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "login_codes" ADD CONSTRAINT "login_codes_session_sessions_id_fk" FOREIGN KEY ("session") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_principal_principals_id_fk" FOREIGN KEY ("principal") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credential_uses" ADD CONSTRAINT "credential_uses_credential_credentials_id_fk" FOREIGN KEY ("credential") REFERENCES "public"."credentials"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_principal_principals_id_fk" FOREIGN KEY ("principal") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identities" ADD CONSTRAINT "identities_principal_principals_id_fk" FOREIGN KEY ("principal") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "password_resets" ADD CONSTRAINT "password_resets_principal_principals_id_fk" FOREIGN KEY ("principal") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "passwords" ADD CONSTRAINT "passwords_principal_principals_id_fk" FOREIGN KEY ("principal") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "team_members" ADD CONSTRAINT "team_members_team_principals_id_fk" FOREIGN KEY ("team") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "team_members" ADD CONSTRAINT "team_members_member_principals_id_fk" FOREIGN KEY ("member") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "invites_tenant" ON "invites" USING btree ("tenant");--> statement-breakpoint
CREATE INDEX "invites_project" ON "invites" USING btree ("project");--> statement-breakpoint
CREATE UNIQUE INDEX "custom_roles_name" ON "custom_roles" USING btree (coalesce("tenant", ''),"name");--> statement-breakpoint
CREATE UNIQUE INDEX "role_bindings_custom" ON "role_bindings" USING btree (coalesce("tenant", ''),coalesce("project"::text, ''),"scope",coalesce("subject"::text, ''),coalesce("principal", ''),coalesce("email", ''),"custom_role") WHERE "role_bindings"."custom_role" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "role_bindings_built_in" ON "role_bindings" USING btree (coalesce("tenant", ''),coalesce("project"::text, ''),"scope",coalesce("subject"::text, ''),coalesce("principal", ''),coalesce("email", '')) WHERE "role_bindings"."built_in_role" is not null;--> statement-breakpoint
CREATE INDEX "role_bindings_principal" ON "role_bindings" USING btree ("principal");--> statement-breakpoint
CREATE INDEX "role_bindings_email" ON "role_bindings" USING btree ("email");--> statement-breakpoint
CREATE INDEX "role_bindings_tenant" ON "role_bindings" USING btree ("tenant");--> statement-breakpoint
CREATE INDEX "role_bindings_project" ON "role_bindings" USING btree ("project");--> statement-breakpoint
CREATE INDEX "role_bindings_role" ON "role_bindings" USING btree ("custom_role");--> statement-breakpoint
CREATE INDEX "login_attempts_expires" ON "login_attempts" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "login_codes_expires" ON "login_codes" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "sessions_principal" ON "sessions" USING btree ("principal");--> statement-breakpoint
CREATE INDEX "sessions_expires" ON "sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "credential_uses_at" ON "credential_uses" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "credentials_fingerprint" ON "credentials" USING btree ("fingerprint");--> statement-breakpoint
CREATE INDEX "identities_principal" ON "identities" USING btree ("principal");--> statement-breakpoint
CREATE UNIQUE INDEX "password_resets_principal" ON "password_resets" USING btree ("principal");--> statement-breakpoint
CREATE INDEX "team_members_member" ON "team_members" USING btree ("member");--> statement-breakpoint
ALTER TABLE "project_members" ADD CONSTRAINT "project_members_member_principals_id_fk" FOREIGN KEY ("member") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenant_members" ADD CONSTRAINT "tenant_members_member_principals_id_fk" FOREIGN KEY ("member") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_owner_principals_id_fk" FOREIGN KEY ("owner") REFERENCES "public"."principals"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_session_sessions_id_fk" FOREIGN KEY ("session") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "principals" ADD CONSTRAINT "principals_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "tokens_session" ON "tokens" USING btree ("session");--> statement-breakpoint
CREATE INDEX "principals_email" ON "principals" USING btree (lower("email")) WHERE "principals"."email" <> '';--> statement-breakpoint
ALTER TABLE "principals" ADD CONSTRAINT "principals_name" UNIQUE("tenant","kind","name");--> statement-breakpoint
ALTER TABLE "principals" ADD CONSTRAINT "principals_kind" CHECK ("principals"."kind" in ('user', 'bot', 'team', 'group'));--> statement-breakpoint
ALTER TABLE "principals" ADD CONSTRAINT "principals_tenant" CHECK (("principals"."tenant" is not null) = ("principals"."kind" in ('bot', 'team')));--> statement-breakpoint
ALTER TABLE "principals" ADD CONSTRAINT "principals_admin_role" CHECK ("principals"."admin_role" in ('editor', 'viewer'));--> statement-breakpoint
ALTER TABLE "principals" ADD CONSTRAINT "principals_admin_is_user" CHECK ("principals"."admin_role" is null or "principals"."kind" = 'user');--> statement-breakpoint
ALTER TABLE "principals" ADD CONSTRAINT "principals_group_id" CHECK (("principals"."kind" = 'group') = ("principals"."id" like 'group:%'));
--> statement-breakpoint
-- What the callers that each process keeps in memory are made of, beside memberships and tokens. The holder of
-- a binding never changes: an invitation that is accepted goes, and a binding comes.
DROP TRIGGER "users_changed" ON "principals";
--> statement-breakpoint
CREATE TRIGGER "principals_changed" AFTER UPDATE OR DELETE ON "principals" FOR EACH ROW EXECUTE FUNCTION record_change('principal', 'id', 'id');
--> statement-breakpoint
CREATE TRIGGER "team_members_changed" AFTER INSERT OR UPDATE OR DELETE ON "team_members" FOR EACH ROW EXECUTE FUNCTION record_change('team_member', 'member', 'team');
--> statement-breakpoint
CREATE TRIGGER "role_bindings_made" AFTER INSERT ON "role_bindings" FOR EACH ROW WHEN (NEW."principal" IS NOT NULL) EXECUTE FUNCTION record_change('role_binding', 'principal', 'id');
--> statement-breakpoint
CREATE TRIGGER "role_bindings_changed" AFTER UPDATE OR DELETE ON "role_bindings" FOR EACH ROW WHEN (OLD."principal" IS NOT NULL) EXECUTE FUNCTION record_change('role_binding', 'principal', 'id');
--> statement-breakpoint
CREATE TRIGGER "custom_roles_changed" AFTER UPDATE OR DELETE ON "custom_roles" FOR EACH ROW EXECUTE FUNCTION record_change('custom_role', 'id', 'id');
--> statement-breakpoint
CREATE TRIGGER "credentials_changed" AFTER UPDATE OR DELETE ON "credentials" FOR EACH ROW EXECUTE FUNCTION record_change('credential', 'principal', 'id');
--> statement-breakpoint
CREATE TRIGGER "signing_keys_changed" AFTER INSERT OR UPDATE OR DELETE ON "signing_keys" FOR EACH ROW EXECUTE FUNCTION record_change('signing_key', 'kid', 'kid');
