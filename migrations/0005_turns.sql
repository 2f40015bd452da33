DROP INDEX "delivery_attempts_time";--> statement-breakpoint
CREATE INDEX "delivery_attempts_started" ON "delivery_attempts" USING btree ("started_at");--> statement-breakpoint
CREATE INDEX "evaluations_finished" ON "evaluations" USING btree ("finished_at") WHERE "evaluations"."finished_at" is not null;--> statement-breakpoint
CREATE INDEX "evaluations_turns" ON "evaluations" USING btree ("team_id","created_at") WHERE "evaluations"."status" = 'queued';