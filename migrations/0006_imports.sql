ALTER TABLE "checkpoints" ALTER COLUMN "digest" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "evaluations" ADD COLUMN "weight_norm" double precision;