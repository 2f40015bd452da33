import type { ArtifactStore } from "../../src/artifacts/store.ts";
import type { Statement } from "./faulty-postgres.ts";
import type { Message, World } from "./world.ts";

/** A known defect, planted at the seams: a suite that stays green with it would prove nothing. */
export interface Plant {
  name: string;
  /** The invariant that must be seen broken. */
  breaks: string;
  rewrite: ((statement: Statement) => string) | null;
  store(store: ArtifactStore): ArtifactStore;
  send(messages: Message[], message: Message): void;
  /** Of a webhook's post: the headers that go out, or null where it never does. */
  post(headers: Record<string, string>, attempt: number): Record<string, string> | null;
  correct(counted: number): number;
  /** Once all is settled. */
  afterwards(world: World): Promise<void>;
}

/** Nothing is wrong. */
export const SOUND: Plant = {
  name: "none",
  breaks: "",
  rewrite: null,
  store: (store) => store,
  send: (messages, message) => void messages.push(message),
  post: (headers) => headers,
  correct: (counted) => counted,
  afterwards: async () => {},
};

export const PLANTS: Plant[] = [
  {
    ...SOUND,
    name: "acknowledged before it is committed",
    breaks: "no acknowledged checkpoint is lost",
    rewrite: ({ client, sql }) => (client.startsWith("push") && sql === "commit" ? "rollback" : sql),
  },
  { ...SOUND, name: "one example miscounted", breaks: "every evaluation is exact", correct: (counted) => counted - 1 },
  {
    ...SOUND,
    name: "a transition announced twice",
    breaks: "each transition is announced once",
    async afterwards({ laboratory: { db } }) {
      await db.execute(`insert into announcements
        (model_id, suite_version_id, detector_version, position, team_id, type, transition_id, transition, as_of_step)
        select model_id, suite_version_id, detector_version, 1000 + position, team_id, type, transition_id || 'x',
          transition, as_of_step from announcements where type = 'detected'`);
    },
  },
  {
    ...SOUND,
    name: "an event without its outbox row",
    breaks: "each event has one row for each subscriber",
    async afterwards({ laboratory: { db }, reference }) {
      await db.execute(`delete from deliveries where event_type = 'transition.detected'
        and webhook_id = '${reference.hooks[0]?.id}'`);
    },
  },
  { ...SOUND, name: "recorded before it is sent", breaks: "each delivery has arrived", post: () => null },
  {
    ...SOUND,
    name: "another id at each attempt",
    breaks: "each post is known by its id",
    post: (headers, attempt) => ({ ...headers, "webhook-id": `${headers["webhook-id"]}${attempt}` }),
  },
  {
    ...SOUND,
    name: "signed for another time",
    breaks: "each post is signed",
    post: (headers) => ({ ...headers, "webhook-timestamp": `${Number(headers["webhook-timestamp"]) + 1}` }),
  },
  {
    ...SOUND,
    name: "objects that are never deleted",
    breaks: "the store holds what is in use and no more",
    store: (store) => ({ ...store, delete: async () => {} }),
  },
  {
    ...SOUND,
    name: "dead letters that nobody keeps",
    breaks: "each message that was given up is kept, once",
    async afterwards({ laboratory: { db } }) {
      await db.execute("delete from dead_letters");
    },
  },
  { ...SOUND, name: "hints that are all lost, and no sweep", breaks: "nothing is stuck", send: () => {} },
];
