CREATE TABLE "processor_events" (
	"id" text PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"received_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_reports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text NOT NULL,
	"product" text NOT NULL,
	"period" timestamp with time zone NOT NULL,
	"metered_until" timestamp with time zone NOT NULL,
	"value" bigint NOT NULL,
	"sent_at" timestamp with time zone,
	CONSTRAINT "usage_reports_once" UNIQUE("tenant","product","period","metered_until")
);
--> statement-breakpoint
CREATE TABLE "coupon_grants" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text NOT NULL,
	"coupon" text NOT NULL,
	"granted_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "coupon_grants_once" UNIQUE("tenant","coupon")
);
--> statement-breakpoint
CREATE TABLE "coupons" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"amount_off" bigint NOT NULL,
	"currency" text NOT NULL,
	"duration_in_months" integer NOT NULL,
	"redeem_by" timestamp with time zone,
	"max_redemptions" integer,
	"created_at" timestamp with time zone NOT NULL,
	"withdrawn_at" timestamp with time zone,
	CONSTRAINT "coupons_amount" CHECK ("coupons"."amount_off" > 0),
	CONSTRAINT "coupons_duration" CHECK ("coupons"."duration_in_months" between 1 and 120)
);
--> statement-breakpoint
CREATE TABLE "credit_entries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text NOT NULL,
	"coupon_grant" uuid,
	"amount" bigint NOT NULL,
	"currency" text NOT NULL,
	"invoice" uuid,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "credit_entries_sign" CHECK (("credit_entries"."invoice" is null) = ("credit_entries"."amount" > 0))
);
--> statement-breakpoint
CREATE TABLE "customers" (
	"tenant" text PRIMARY KEY NOT NULL,
	"id" text NOT NULL,
	"processor" text NOT NULL,
	"subscription_id" text DEFAULT '' NOT NULL,
	"name" text DEFAULT '' NOT NULL,
	"email" text DEFAULT '' NOT NULL,
	"phone_number" text DEFAULT '' NOT NULL,
	"vat" text DEFAULT '' NOT NULL,
	"address" jsonb,
	"payment_method_id" text,
	"card" jsonb,
	"generation" bigint DEFAULT 1 NOT NULL,
	"synced_generation" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "customers_id_length" CHECK (char_length("customers"."id") = 18),
	CONSTRAINT "customers_processor" CHECK ("customers"."processor" in ('ledger', 'stripe')),
	CONSTRAINT "customers_card" CHECK ("customers"."card" is null or "customers"."payment_method_id" is not null)
);
--> statement-breakpoint
CREATE TABLE "discounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text NOT NULL,
	"name" text NOT NULL,
	"amount_off" bigint,
	"basis_points_off" integer,
	"order" integer NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "discounts_one" CHECK (("discounts"."amount_off" is null) <> ("discounts"."basis_points_off" is null)),
	CONSTRAINT "discounts_amount" CHECK ("discounts"."amount_off" > 0),
	CONSTRAINT "discounts_part" CHECK ("discounts"."basis_points_off" between 1 and 10000)
);
--> statement-breakpoint
CREATE TABLE "budget_alerts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text NOT NULL,
	"period" timestamp with time zone NOT NULL,
	"threshold" integer NOT NULL,
	"forecast" boolean NOT NULL,
	"budget" bigint NOT NULL,
	"amount" bigint NOT NULL,
	"currency" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "budget_alerts_once" UNIQUE("tenant","period","threshold","forecast")
);
--> statement-breakpoint
CREATE TABLE "budgets" (
	"tenant" text PRIMARY KEY NOT NULL,
	"amount" bigint NOT NULL,
	"currency" text NOT NULL,
	"thresholds" integer[] NOT NULL,
	"forecast_thresholds" integer[] NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "budgets_amount" CHECK ("budgets"."amount" > 0)
);
--> statement-breakpoint
CREATE TABLE "invoice_lines" (
	"invoice" uuid NOT NULL,
	"position" integer NOT NULL,
	"kind" text NOT NULL,
	"description" text NOT NULL,
	"project" uuid,
	"project_name" text DEFAULT '' NOT NULL,
	"resource" uuid,
	"resource_name" text DEFAULT '' NOT NULL,
	"product" text DEFAULT '' NOT NULL,
	"quantity" text DEFAULT '' NOT NULL,
	"unit_label" text DEFAULT '' NOT NULL,
	"unit_amount" text DEFAULT '' NOT NULL,
	"amount" bigint NOT NULL,
	CONSTRAINT "invoice_lines_invoice_position_pk" PRIMARY KEY("invoice","position")
);
--> statement-breakpoint
CREATE TABLE "invoice_numbers" (
	"year" integer PRIMARY KEY NOT NULL,
	"last" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "invoices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text NOT NULL,
	"number" text NOT NULL,
	"processor" text NOT NULL,
	"processor_id" text DEFAULT '' NOT NULL,
	"period_start" timestamp with time zone NOT NULL,
	"period_end" timestamp with time zone NOT NULL,
	"currency" text NOT NULL,
	"subtotal" bigint NOT NULL,
	"discount" bigint NOT NULL,
	"coupon" bigint NOT NULL,
	"vat" bigint NOT NULL,
	"vat_basis_points" integer NOT NULL,
	"vat_note" text DEFAULT '' NOT NULL,
	"balance" bigint NOT NULL,
	"status" text NOT NULL,
	"seller" jsonb NOT NULL,
	"customer" jsonb NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"paid_at" timestamp with time zone,
	"payment_reference" text DEFAULT '' NOT NULL,
	CONSTRAINT "invoices_status" CHECK ("invoices"."status" in ('open', 'paid', 'void')),
	CONSTRAINT "invoices_paid" CHECK (("invoices"."status" = 'paid') = ("invoices"."paid_at" is not null)),
	CONSTRAINT "invoices_discount" CHECK ("invoices"."discount" >= 0 and "invoices"."coupon" >= 0 and "invoices"."balance" >= 0)
);
--> statement-breakpoint
CREATE TABLE "prices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"product" text NOT NULL,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"meter" text NOT NULL,
	"variant" text DEFAULT '' NOT NULL,
	"product_type" integer NOT NULL,
	"unit_label" text NOT NULL,
	"unit_size" numeric(40, 0) NOT NULL,
	"unit_amount_nano" numeric(40, 0) NOT NULL,
	"currency" text NOT NULL,
	"valid_from" timestamp with time zone NOT NULL,
	CONSTRAINT "prices_product" UNIQUE("product","valid_from"),
	CONSTRAINT "prices_meter" UNIQUE("meter","variant","valid_from"),
	CONSTRAINT "prices_amount" CHECK ("prices"."unit_amount_nano" >= 0),
	CONSTRAINT "prices_unit" CHECK ("prices"."unit_size" > 0),
	CONSTRAINT "prices_hour" CHECK (extract(epoch from "prices"."valid_from")::bigint % 3600 = 0)
);
--> statement-breakpoint
CREATE TABLE "billing_accounts" (
	"tenant" text PRIMARY KEY NOT NULL,
	"closed_until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "cluster_workers" (
	"cluster" uuid NOT NULL,
	"machine_type" text NOT NULL,
	"machines" integer NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "cluster_workers_cluster_machine_type_pk" PRIMARY KEY("cluster","machine_type"),
	CONSTRAINT "cluster_workers_machines" CHECK ("cluster_workers"."machines" >= 0)
);
--> statement-breakpoint
CREATE TABLE "metering" (
	"one" integer PRIMARY KEY DEFAULT 1 NOT NULL,
	"metered_until" timestamp with time zone,
	"snapshot" text,
	CONSTRAINT "metering_one" CHECK ("metering"."one" = 1)
);
--> statement-breakpoint
CREATE TABLE "usage_facts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "usage_facts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"tenant" text NOT NULL,
	"project" uuid NOT NULL,
	"project_name" text NOT NULL,
	"resource" uuid NOT NULL,
	"resource_name" text NOT NULL,
	"meter" text NOT NULL,
	"variant" text NOT NULL,
	"quantity" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "usage_facts_quantity" CHECK ("usage_facts"."quantity" >= 0)
);
--> statement-breakpoint
CREATE TABLE "usage_records" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "usage_records_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"tenant" text NOT NULL,
	"project" uuid NOT NULL,
	"resource" uuid NOT NULL,
	"meter" text NOT NULL,
	"variant" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"period" timestamp with time zone NOT NULL,
	"price" uuid,
	"quantity" numeric(40, 0) NOT NULL,
	"metered_at" timestamp with time zone NOT NULL,
	CONSTRAINT "usage_records_hour" CHECK (extract(epoch from "usage_records"."hour")::bigint % 3600 = 0)
);
--> statement-breakpoint
CREATE TABLE "usage_totals" (
	"tenant" text NOT NULL,
	"period" timestamp with time zone NOT NULL,
	"project" uuid NOT NULL,
	"resource" uuid NOT NULL,
	"price" uuid NOT NULL,
	"correction" boolean NOT NULL,
	"quantity" numeric(40, 0) NOT NULL,
	CONSTRAINT "usage_totals_tenant_period_project_resource_price_correction_pk" PRIMARY KEY("tenant","period","project","resource","price","correction")
);
--> statement-breakpoint
ALTER TABLE "coupon_grants" ADD CONSTRAINT "coupon_grants_tenant_customers_tenant_fk" FOREIGN KEY ("tenant") REFERENCES "public"."customers"("tenant") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "coupon_grants" ADD CONSTRAINT "coupon_grants_coupon_coupons_id_fk" FOREIGN KEY ("coupon") REFERENCES "public"."coupons"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credit_entries" ADD CONSTRAINT "credit_entries_tenant_customers_tenant_fk" FOREIGN KEY ("tenant") REFERENCES "public"."customers"("tenant") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credit_entries" ADD CONSTRAINT "credit_entries_coupon_grant_coupon_grants_id_fk" FOREIGN KEY ("coupon_grant") REFERENCES "public"."coupon_grants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "discounts" ADD CONSTRAINT "discounts_tenant_customers_tenant_fk" FOREIGN KEY ("tenant") REFERENCES "public"."customers"("tenant") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budget_alerts" ADD CONSTRAINT "budget_alerts_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budgets" ADD CONSTRAINT "budgets_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invoice_lines" ADD CONSTRAINT "invoice_lines_invoice_invoices_id_fk" FOREIGN KEY ("invoice") REFERENCES "public"."invoices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cluster_workers" ADD CONSTRAINT "cluster_workers_cluster_clusters_id_fk" FOREIGN KEY ("cluster") REFERENCES "public"."clusters"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_records" ADD CONSTRAINT "usage_records_price_prices_id_fk" FOREIGN KEY ("price") REFERENCES "public"."prices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_totals" ADD CONSTRAINT "usage_totals_price_prices_id_fk" FOREIGN KEY ("price") REFERENCES "public"."prices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "usage_reports_unsent" ON "usage_reports" USING btree ("tenant") WHERE "usage_reports"."sent_at" is null;--> statement-breakpoint
CREATE INDEX "coupon_grants_coupon" ON "coupon_grants" USING btree ("coupon");--> statement-breakpoint
CREATE INDEX "credit_entries_tenant" ON "credit_entries" USING btree ("tenant");--> statement-breakpoint
CREATE UNIQUE INDEX "credit_entries_invoice" ON "credit_entries" USING btree ("invoice",coalesce("coupon_grant"::text, ''));--> statement-breakpoint
CREATE UNIQUE INDEX "customers_id" ON "customers" USING btree ("id");--> statement-breakpoint
CREATE INDEX "discounts_tenant" ON "discounts" USING btree ("tenant","order","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "invoices_number" ON "invoices" USING btree ("processor","number");--> statement-breakpoint
CREATE UNIQUE INDEX "invoices_period" ON "invoices" USING btree ("tenant","period_start") WHERE "invoices"."status" <> 'void';--> statement-breakpoint
CREATE INDEX "invoices_open" ON "invoices" USING btree ("due_at") WHERE "invoices"."status" = 'open';--> statement-breakpoint
CREATE INDEX "usage_facts_resource" ON "usage_facts" USING btree ("resource","meter","variant","id");--> statement-breakpoint
CREATE INDEX "usage_facts_at" ON "usage_facts" USING btree ("at");--> statement-breakpoint
CREATE INDEX "usage_records_resource" ON "usage_records" USING btree ("resource","meter","variant","hour");--> statement-breakpoint
CREATE INDEX "usage_records_hour" ON "usage_records" USING btree ("hour");--> statement-breakpoint
-- Facts become visible out of order: the meter goes by the transaction that wrote them, as readers of changes do.
ALTER TABLE "usage_facts" ADD COLUMN "xid" xid8 DEFAULT pg_current_xact_id() NOT NULL;
--> statement-breakpoint
CREATE INDEX "usage_facts_xid" ON "usage_facts" ("xid");
--> statement-breakpoint
INSERT INTO "metering" DEFAULT VALUES;
--> statement-breakpoint
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are only added', tg_table_name USING ERRCODE = 'restrict_violation';
END
$$;
--> statement-breakpoint
CREATE TRIGGER "usage_facts_added" BEFORE UPDATE OR DELETE ON "usage_facts" FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
--> statement-breakpoint
CREATE TRIGGER "usage_records_added" BEFORE UPDATE OR DELETE ON "usage_records" FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
--> statement-breakpoint
CREATE TRIGGER "credit_entries_added" BEFORE UPDATE OR DELETE ON "credit_entries" FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
--> statement-breakpoint
CREATE TRIGGER "invoice_lines_added" BEFORE UPDATE OR DELETE ON "invoice_lines" FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
--> statement-breakpoint
-- Of an invoice only what becomes of its payment changes.
CREATE FUNCTION keep_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  payment text[] := ARRAY['status', 'paid_at', 'payment_reference'];
BEGIN
  IF tg_op = 'DELETE' OR to_jsonb(old) - payment <> to_jsonb(new) - payment OR (old.status <> 'open' AND old.status <> new.status) THEN
    RAISE EXCEPTION 'invoice % was issued', old.number USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN new;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "invoices_kept" BEFORE UPDATE OR DELETE ON "invoices" FOR EACH ROW EXECUTE FUNCTION keep_invoice();
--> statement-breakpoint
-- A price that holds by now is history: only how it is called may change.
CREATE FUNCTION keep_price() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  words text[] := ARRAY['name', 'description', 'unit_label', 'product_type'];
BEGIN
  IF tg_op = 'UPDATE' AND to_jsonb(old) - words = to_jsonb(new) - words THEN
    RETURN new;
  END IF;
  IF EXISTS (SELECT FROM usage_records WHERE price = old.id) THEN
    RAISE EXCEPTION 'the price of % from % on was charged', old.product, old.valid_from USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(new, old);
END
$$;
--> statement-breakpoint
CREATE TRIGGER "prices_kept" BEFORE UPDATE OR DELETE ON "prices" FOR EACH ROW EXECUTE FUNCTION keep_price();
--> statement-breakpoint
CREATE INDEX "usage_records_price" ON "usage_records" ("price");
--> statement-breakpoint
-- From that moment on the resource uses so much.
CREATE FUNCTION record_usage(in_project uuid, of_resource uuid, called text, metered text, kind text, used bigint, since timestamptz)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO usage_facts (tenant, project, project_name, resource, resource_name, meter, variant, quantity, at)
  SELECT tenant, id, name, of_resource, called, metered, kind, used, since FROM projects WHERE id = in_project
$$;
--> statement-breakpoint
-- From that moment on it uses nothing; without a moment from now on. Whose it was its last fact says, for the project
-- may be gone.
CREATE FUNCTION end_usage(of_resource uuid, metered text, kind text, since timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO usage_facts (tenant, project, project_name, resource, resource_name, meter, variant, quantity, at)
  SELECT tenant, project, project_name, resource, resource_name, meter, variant, 0, coalesce(since, greatest(now(), at))
  FROM (
    SELECT * FROM usage_facts WHERE resource = of_resource AND meter = metered AND variant = kind ORDER BY id DESC LIMIT 1
  ) last WHERE quantity > 0
$$;
--> statement-breakpoint
-- A cluster costs from its order until its deletion is asked for, and so do its workers.
CREATE FUNCTION meter_cluster() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF tg_op = 'INSERT' THEN
    IF new.delete_requested_at IS NULL THEN
      PERFORM record_usage(new.project, new.id, new.name, 'control_plane', '', 1, new.created_at);
    END IF;
  ELSIF tg_op = 'DELETE' THEN
    PERFORM end_usage(old.id, 'control_plane', '', NULL);
  ELSIF old.delete_requested_at IS NULL AND new.delete_requested_at IS NOT NULL THEN
    PERFORM end_usage(new.id, 'control_plane', '', new.delete_requested_at);
    UPDATE cluster_workers SET machines = 0, updated_at = new.delete_requested_at WHERE cluster = new.id;
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "clusters_metered" AFTER INSERT OR DELETE OR UPDATE OF "delete_requested_at" ON "clusters" FOR EACH ROW EXECUTE FUNCTION meter_cluster();
--> statement-breakpoint
CREATE FUNCTION meter_workers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF tg_op = 'DELETE' THEN
    PERFORM end_usage(old.cluster, 'worker', old.machine_type, NULL);
  ELSIF new.machines = 0 THEN
    PERFORM end_usage(new.cluster, 'worker', new.machine_type, new.updated_at);
  ELSIF tg_op = 'INSERT' OR old.machines <> new.machines THEN
    PERFORM record_usage(project, id, name, 'worker', new.machine_type, new.machines, new.updated_at) FROM clusters WHERE id = new.cluster;
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "cluster_workers_metered" AFTER INSERT OR DELETE OR UPDATE OF "machines" ON "cluster_workers" FOR EACH ROW EXECUTE FUNCTION meter_workers();
--> statement-breakpoint
-- Volumes and snapshots, by bytes; the meter is the trigger's argument. They cost until they are gone, for their
-- content is there. When they were made their cluster says, which is its tenant's: not before the cluster was, and
-- not after it was heard. A new name is told for those who read of the use.
CREATE FUNCTION meter_storage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  metered text := tg_argv[0];
BEGIN
  IF tg_op = 'DELETE' THEN
    PERFORM end_usage(old.id, metered, old.storage_class, NULL);
    RETURN NULL;
  ELSIF tg_op = 'INSERT' THEN
    IF new.deleted_at IS NULL THEN
      PERFORM record_usage(new.project, new.id, new.name, metered, new.storage_class, new.size,
        least(greatest(new.created_at, created_at), new.updated_at)) FROM clusters WHERE id = new.cluster;
    END IF;
    RETURN NULL;
  END IF;
  IF new.deleted_at IS NOT NULL OR (old.project, old.storage_class) IS DISTINCT FROM (new.project, new.storage_class) THEN
    PERFORM end_usage(old.id, metered, old.storage_class, coalesce(new.deleted_at, new.updated_at));
  END IF;
  IF new.deleted_at IS NULL AND (old.deleted_at IS NOT NULL
    OR (old.project, old.storage_class, old.size, old.name) IS DISTINCT FROM (new.project, new.storage_class, new.size, new.name)) THEN
    PERFORM record_usage(new.project, new.id, new.name, metered, new.storage_class, new.size, new.updated_at);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "volumes_metered" AFTER INSERT OR DELETE OR UPDATE OF "project", "name", "size", "storage_class", "deleted_at" ON "volumes" FOR EACH ROW EXECUTE FUNCTION meter_storage('volume');
--> statement-breakpoint
CREATE TRIGGER "snapshots_metered" AFTER INSERT OR DELETE OR UPDATE OF "project", "name", "size", "storage_class", "deleted_at" ON "snapshots" FOR EACH ROW EXECUTE FUNCTION meter_storage('snapshot');
--> statement-breakpoint
-- An address costs while it belongs to a project. One that comes out of quarantine has a new id.
CREATE FUNCTION meter_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF tg_op = 'DELETE' THEN
    PERFORM end_usage(old.id, 'address', old.type, NULL);
    RETURN NULL;
  END IF;
  IF tg_op = 'UPDATE' THEN
    IF (old.project, old.id, old.type) IS DISTINCT FROM (new.project, new.id, new.type) THEN
      PERFORM end_usage(old.id, 'address', old.type, new.updated_at);
    ELSIF old.name = new.name THEN
      RETURN NULL;
    END IF;
  END IF;
  IF new.project IS NOT NULL THEN
    PERFORM record_usage(new.project, new.id, new.name, 'address', new.type, 1, new.updated_at);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "ips_metered" AFTER INSERT OR DELETE OR UPDATE OF "id", "project", "name", "type" ON "ips" FOR EACH ROW EXECUTE FUNCTION meter_address();
--> statement-breakpoint
-- What runs and is metered, as it is now.
CREATE VIEW running_use AS
  SELECT project, id AS resource, name AS resource_name, 'control_plane' AS meter, '' AS variant, 1::bigint AS quantity
    FROM clusters WHERE delete_requested_at IS NULL AND deleted_at IS NULL
  UNION ALL SELECT c.project, c.id, c.name, 'worker', w.machine_type, w.machines
    FROM clusters c JOIN cluster_workers w ON w.cluster = c.id
    WHERE c.delete_requested_at IS NULL AND c.deleted_at IS NULL AND w.machines > 0
  UNION ALL SELECT project, id, name, 'volume', storage_class, size FROM volumes WHERE deleted_at IS NULL
  UNION ALL SELECT project, id, name, 'snapshot', storage_class, size FROM snapshots WHERE deleted_at IS NULL
  UNION ALL SELECT project, id, name, 'address', type, 1 FROM ips WHERE project IS NOT NULL;
--> statement-breakpoint
-- What exists already costs from now on.
INSERT INTO usage_facts (tenant, project, project_name, resource, resource_name, meter, variant, quantity, at)
  SELECT p.tenant, p.id, p.name, r.resource, r.resource_name, r.meter, r.variant, r.quantity, now()
  FROM running_use r JOIN projects p ON p.id = r.project;
--> statement-breakpoint
CREATE TRIGGER "tenants_changed" AFTER UPDATE OR DELETE ON "tenants" FOR EACH ROW EXECUTE FUNCTION record_change('tenant', 'login', 'login');
--> statement-breakpoint
CREATE TRIGGER "customers_changed" AFTER INSERT OR UPDATE OR DELETE ON "customers" FOR EACH ROW EXECUTE FUNCTION record_change('customer', 'tenant', 'tenant');
--> statement-breakpoint
CREATE TRIGGER "credit_entries_changed" AFTER INSERT ON "credit_entries" FOR EACH ROW EXECUTE FUNCTION record_change('credit', 'tenant', 'tenant');
--> statement-breakpoint
CREATE TRIGGER "discounts_changed" AFTER INSERT OR UPDATE OR DELETE ON "discounts" FOR EACH ROW EXECUTE FUNCTION record_change('discount', 'tenant', 'tenant');
--> statement-breakpoint
CREATE TRIGGER "invoices_changed" AFTER INSERT OR UPDATE ON "invoices" FOR EACH ROW EXECUTE FUNCTION record_change('invoice', 'tenant', 'id');
--> statement-breakpoint
CREATE TRIGGER "budgets_changed" AFTER INSERT OR UPDATE OR DELETE ON "budgets" FOR EACH ROW EXECUTE FUNCTION record_change('budget', 'tenant', 'tenant');
--> statement-breakpoint
CREATE TRIGGER "budget_alerts_changed" AFTER INSERT ON "budget_alerts" FOR EACH ROW EXECUTE FUNCTION record_change('budget_alert', 'tenant', 'id');
--> statement-breakpoint
CREATE TRIGGER "prices_changed" AFTER INSERT OR UPDATE OR DELETE ON "prices" FOR EACH ROW EXECUTE FUNCTION record_change('price', 'product', 'id');
--> statement-breakpoint
-- Told when a run of the meter is over: what was spent is known anew.
CREATE TRIGGER "metering_changed" AFTER UPDATE ON "metering" FOR EACH ROW EXECUTE FUNCTION record_change('metering', 'one', 'one');
