ALTER TABLE "evaluations" ADD COLUMN "provenance" text DEFAULT 'measured' NOT NULL;--> statement-breakpoint
ALTER TABLE "evaluations" ADD COLUMN "source" text;--> statement-breakpoint
ALTER TABLE "evaluation_shards" ADD COLUMN "correctness" "bytea";--> statement-breakpoint
ALTER TABLE "evaluation_shards" ADD COLUMN "block_losses" "bytea";--> statement-breakpoint
ALTER TABLE "evaluation_shards" ADD COLUMN "class_counts" jsonb;--> statement-breakpoint
ALTER TABLE "suite_versions" ADD COLUMN "scoring" jsonb DEFAULT '{"task":"classification","ignoreIndex":null}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "suite_versions" ADD COLUMN "audit" jsonb;--> statement-breakpoint
CREATE INDEX "evaluations_reported" ON "evaluations" USING btree ("model_id","suite_version_id","step") WHERE "evaluations"."provenance" = 'reported';