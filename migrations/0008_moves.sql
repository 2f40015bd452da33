CREATE TABLE "model_pins" (
	"model_id" text NOT NULL,
	"suite_version_id" text NOT NULL,
	"team_id" text NOT NULL,
	"from_version_id" text NOT NULL,
	"through_step" bigint,
	"pinned_at" timestamp with time zone NOT NULL,
	"backfilled_at" timestamp with time zone,
	"judged_at" timestamp with time zone,
	"hinted_at" timestamp with time zone NOT NULL,
	CONSTRAINT "model_pins_model_id_suite_version_id_pk" PRIMARY KEY("model_id","suite_version_id")
);
--> statement-breakpoint
ALTER TABLE "model_pins" ADD CONSTRAINT "model_pins_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_pins" ADD CONSTRAINT "model_pins_suite_version_id_suite_versions_id_fk" FOREIGN KEY ("suite_version_id") REFERENCES "public"."suite_versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_pins" ADD CONSTRAINT "model_pins_team_id_teams_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."teams"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_pins" ADD CONSTRAINT "model_pins_from_version_id_suite_versions_id_fk" FOREIGN KEY ("from_version_id") REFERENCES "public"."suite_versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "model_pins_unfinished" ON "model_pins" USING btree ("hinted_at") WHERE "model_pins"."backfilled_at" is null;