-- The audit log by days (UTC), so that old ones go at the cost of nothing. A row of a day without a
-- partition goes to the default one; the task audit.maintain makes partitions ahead and empties that.
ALTER TABLE "audit_entries" RENAME TO "audit_entries_whole";--> statement-breakpoint
ALTER TABLE "audit_entries_whole" RENAME CONSTRAINT "audit_entries_pkey" TO "audit_entries_whole_pkey";--> statement-breakpoint
DROP INDEX "audit_entries_tenant";--> statement-breakpoint
DROP INDEX "audit_entries_at";--> statement-breakpoint
CREATE TABLE "audit_entries" (
	"id" uuid NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"request_id" text NOT NULL,
	"phase" text NOT NULL,
	"method" text NOT NULL,
	"user" text,
	"tenant" text,
	"project" text,
	"source_ip" text NOT NULL,
	"user_agent" text NOT NULL,
	"body" text,
	"code" integer,
	CONSTRAINT "audit_entries_at_id_phase_pk" PRIMARY KEY("at","id","phase")
) PARTITION BY RANGE ("at");
--> statement-breakpoint
CREATE INDEX "audit_entries_tenant" ON "audit_entries" USING btree ("tenant","at","id");--> statement-breakpoint
CREATE INDEX "audit_entries_id" ON "audit_entries" USING btree ("id");--> statement-breakpoint
CREATE TABLE "audit_entries_default" PARTITION OF "audit_entries" DEFAULT;--> statement-breakpoint
-- The days that have rows already, today, and the next three.
DO $$
DECLARE
	"day" date;
BEGIN
	FOR "day" IN
		SELECT ("at" AT TIME ZONE 'UTC')::date FROM "audit_entries_whole"
		UNION
		SELECT (now() AT TIME ZONE 'UTC')::date + "ahead" FROM generate_series(0, 3) AS "ahead"
	LOOP
		EXECUTE format(
			'CREATE TABLE %I PARTITION OF "audit_entries" FOR VALUES FROM (%L) TO (%L)',
			'audit_entries_p' || to_char("day", 'YYYYMMDD'),
			to_char("day", 'YYYY-MM-DD') || ' 00:00:00+00', to_char("day" + 1, 'YYYY-MM-DD') || ' 00:00:00+00'
		);
	END LOOP;
END
$$;
--> statement-breakpoint
INSERT INTO "audit_entries" SELECT * FROM "audit_entries_whole";--> statement-breakpoint
DROP TABLE "audit_entries_whole";
