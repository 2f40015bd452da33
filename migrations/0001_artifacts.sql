ALTER TABLE "artifacts" ALTER COLUMN "object_key" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "checkpoints" ADD COLUMN "dropped_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "keep_every" integer;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "thinned_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "multipart_id" text;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "part_bytes" bigint;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "claimed_digest" text;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "verification" json;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "attempts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "lease_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "hinted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "problem" jsonb;--> statement-breakpoint
CREATE INDEX "checkpoints_digest" ON "checkpoints" USING btree ("team_id","digest");--> statement-breakpoint
CREATE INDEX "models_thinned" ON "models" USING btree ("thinned_at") WHERE "models"."keep_every" is not null;--> statement-breakpoint
CREATE INDEX "uploads_verifying" ON "uploads" USING btree ("hinted_at") WHERE "uploads"."status" = 'verifying';