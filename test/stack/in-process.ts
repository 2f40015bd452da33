import type { TeamContext } from "../../src/context.ts";
import type { Scope } from "../../src/database/schema.ts";
import { storeOf } from "./presigned.ts";
import type { Team } from "./service.ts";

/**
 * For verbs that are called in this process, where something can come between: the team's real rows and objects, and
 * messages that are lost. `but` is what is otherwise.
 */
export function contextOf(team: Team, scopes: Scope[], but: Partial<TeamContext> = {}): TeamContext {
  return {
    db: team.db,
    artifacts: storeOf(team),
    queues: { evaluations: { send: async () => {} }, deliveries: { send: async () => {} } },
    now: () => new Date(),
    log: () => {},
    actor: { teamId: team.id, keyId: "", scopes },
    ...but,
  };
}
