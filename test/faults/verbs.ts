import type { TeamContext } from "../../src/context.ts";
import { DomainError } from "../../src/errors.ts";
import { deleteCheckpoints } from "../../src/services/checkpoint/delete.ts";
import { putCheckpoint } from "../../src/services/checkpoint/put.ts";
import { redeliverRange } from "../../src/services/delivery/redeliver.ts";
import { reportEvaluation } from "../../src/services/evaluation/report.ts";
import { completeUpload } from "../../src/services/upload/complete.ts";
import { createUpload } from "../../src/services/upload/create.ts";
import { createWebhook } from "../../src/services/webhook/create.ts";
import { rotateSecret } from "../../src/services/webhook/rotate-secret.ts";
import { updateWebhook } from "../../src/services/webhook/update.ts";
import type { Fault } from "./life.ts";
import type { Came, Verbs } from "./operations.ts";
import { EVENTS } from "./reference.ts";
import type { World } from "./world.ts";

export const urlRules = { resolve: async () => [], allowLoopback: true };

export function newWebhook(url: string) {
  return { url, format: "standard" as const, events: [...EVENTS], models: [], tags: [], ensembles: [] };
}

const MOST_BYTES = 1e9;

/** The service's own verbs, each in a Worker's life of this process. */
export function verbsOf(world: World): Verbs<Fault> {
  const ask = async <Answer>(
    name: string,
    fault: Fault | null,
    work: (ctx: TeamContext) => Promise<Answer>,
  ): Promise<Came<Answer>> => {
    const came = await world.live(name, fault, work);
    if ("answer" in came) return came;
    return came.error instanceof DomainError && !came.life.dead ? { refused: came.error.code } : "unanswered";
  };
  const { model } = world;
  const put = (step: number, body: ReadableStream<Uint8Array>, length: number, fault: Fault | null) =>
    ask(`push-${step}`, fault, async (ctx) => {
      const file = { idOrName: model.id, step, body, length, claimedDigest: null, onlyNew: false };
      const { hinted } = await putCheckpoint(ctx, world.team.key, file);
      await hinted;
    });
  return {
    push: (step, bytes, fault) => put(step, bodyOf(bytes), bytes.byteLength, fault),
    pushCut: (step, bytes, fault) => put(step, bodyOf(bytes.slice(0, bytes.byteLength >> 1)), bytes.byteLength, fault),
    upload: async (step, { bytes, digest }, fault) => {
      const begun = await ask(`upload-${step}`, fault, (ctx) =>
        createUpload(ctx, { model, step, bytes: bytes.byteLength, digest }, MOST_BYTES),
      );
      if (begun === "unanswered" || "refused" in begun) return begun;
      const { id, objectKey, multipartId, status } = begun.answer.upload;
      if (status === "receiving") await world.store.putPart(objectKey, multipartId ?? "", 1, bytes);
      return await ask(`complete-${step}`, fault, (ctx) => completeUpload(ctx, id));
    },
    deleteStep: (step, fault) => ask(`delete-${step}`, fault, (ctx) => deleteCheckpoints(ctx, model, { step })),
    deleteFrom: (from, fault) => ask(`delete-from-${from}`, fault, (ctx) => deleteCheckpoints(ctx, model, { from })),
    report: (step, splits, fault) =>
      ask(`report-${step}`, fault, (ctx) =>
        reportEvaluation(ctx, model, step, { text: JSON.stringify({ splits }), tasks: new Map(), metric: null }),
      ),
    subscribe: (url, fault) => ask("subscribe", fault, (ctx) => createWebhook(ctx, newWebhook(url), urlRules)),
    enable: (id, enabled, fault) =>
      ask(enabled ? "enable" : "disable", fault, (ctx) => updateWebhook(ctx, id, { enabled }, urlRules)),
    rotate: (id, fault) => ask("rotate", fault, (ctx) => rotateSecret(ctx, id)),
    redeliver: (id, fault) =>
      ask("redeliver", fault, (ctx) => {
        const to = new Date(world.now().getTime() + 1_000_000);
        return redeliverRange(ctx, id, { from: new Date(0), to, statuses: ["delivered", "exhausted"] });
      }),
  };
}

/** workerd's reader of bodies has a method that Node's has not. */
function bodyOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  const body = new Blob([bytes]).stream();
  const getReader = () => {
    const reader = body.getReader({ mode: "byob" });
    const readAtLeast = (least: number, view: Uint8Array<ArrayBuffer>) =>
      Reflect.apply(reader.read, reader, [view, { min: least }]);
    return Object.assign(reader, { readAtLeast });
  };
  return { getReader } as never;
}
