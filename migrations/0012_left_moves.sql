ALTER TABLE "model_pins" ALTER COLUMN "hinted_at" DROP NOT NULL;--> statement-breakpoint
UPDATE "model_pins" SET "hinted_at" = NULL FROM "models" WHERE "models"."id" = "model_pins"."model_id" AND "models"."suite_version_id" <> "model_pins"."suite_version_id" AND "model_pins"."backfilled_at" IS NULL;
