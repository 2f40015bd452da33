/*
 * Every row belongs to one team and names it, so that every query can be scoped by the owner without a join.
 * Rows that refer to another carry the team in the foreign key's sight: services look up the parent by team first.
 */

export * from "./schema/checkpoints.ts";
export * from "./schema/evaluations.ts";
export * from "./schema/judgements.ts";
export * from "./schema/models.ts";
export * from "./schema/operations.ts";
export * from "./schema/suites.ts";
export { keys, type Scope, sessions, teams } from "./schema/teams.ts";
export * from "./schema/uploads.ts";
export * from "./schema/webhooks.ts";
