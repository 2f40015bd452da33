import type { TeamContext } from "../../context.ts";
import { DomainError } from "../../errors.ts";
import {
  diagnoseEnsemble,
  diagnoseSweep,
  type Ensemble,
  type EnsembleOptions,
  type Member,
  type Sweep,
} from "../../phases/criticality.ts";
import type { Point } from "../../phases/judge.ts";
import { judgeOptions, readMemberPoints } from "../judgement/points.ts";
import type { EvidenceProvenance } from "../judgement/provenance.ts";
import { checkSplit } from "../model/internal.ts";
import { type ListedModel, listModels } from "../model/list.ts";

/** Beyond it an ensemble is told of by reading its models one by one. */
const MOST_MODELS = 200;
/** Counts of a split at a checkpoint: their objects fit an isolate, and the diagnosis is no more than a second or two. */
const MOST_RESULTS = 100_000;
/** Models that a sentence names. */
const NAMED = 5;

export interface EnsembleQuery {
  /** The swept setting: each model's tag `setting:NUMBER` says its value. */
  setting: string | undefined;
  /** In the same way the size that cumulants are compared across. */
  size: string | undefined;
  split: string | undefined;
  /** Steps that part comprehension from grokking. */
  gap: number | undefined;
}

export interface EnsembleModel extends ListedModel {
  setting: number | null;
  size: number | null;
}

export interface EnsembleCaveat {
  code: "not_evaluated" | "mixed_settings";
  message: string;
}

export interface DiagnosedEnsemble {
  suite: { name: string; version: string };
  /** By name. */
  models: EnsembleModel[];
  /** Whose measurements it rests on; null where nothing is evaluated. */
  provenance: EvidenceProvenance | null;
  /** Over seeds, or over the setting that was asked for. */
  diagnosis: Ensemble | Sweep;
  /** What the models of the ensemble add to what the diagnosis says of itself. */
  caveats: EnsembleCaveat[];
}

/**
 * What the models of an ensemble say together, each by its points up to its frontier. Those without any are left out
 * and named.
 * @throws DomainError `ensemble_not_found`; `not_comparable` where they are on several suite versions;
 *   `ensemble_too_large`; `invalid_request` for a split that the suite does not have, or a model without its setting
 */
export async function diagnose(ctx: TeamContext, name: string, query: EnsembleQuery): Promise<DiagnosedEnsemble> {
  const listed = await listModels(ctx, { limit: MOST_MODELS + 1, before: undefined, ensemble: name });
  const [first] = listed;
  if (first === undefined) throw new DomainError("ensemble_not_found", `No model has the ensemble "${name}".`);
  if (listed.length > MOST_MODELS) throw tooLarge(name, `more than ${MOST_MODELS} models`);
  if (query.size !== undefined && query.setting === undefined) {
    throw new DomainError("invalid_request", "size compares sweeps: give setting too.");
  }
  listed.sort((a, b) => (a.name < b.name ? -1 : 1));
  const { suiteName, suiteVersion } = first;
  checkOneSuite(name, listed);
  checkSplit(first, query.split);
  const models = listed.map((model) => ({
    ...model,
    setting: query.setting === undefined ? null : taggedNumber(model, query.setting),
    size: query.size === undefined ? null : taggedNumber(model, query.size),
  }));

  const { pointsOf, provenance } = await readPoints(ctx, name, models);
  const members: Member[] = models.flatMap((model) => {
    const points = pointsOf.get(model.id);
    const { setting, size } = model;
    return points ? [{ name: model.name, points, options: judgeOptions(model, suiteVersion), setting, size }] : [];
  });
  const options: EnsembleOptions = {
    ...(query.split === undefined ? {} : { split: query.split }),
    ...(query.gap === undefined ? {} : { outcomes: { gap: query.gap } }),
  };
  return {
    suite: { name: suiteName, version: suiteVersion.version },
    models,
    provenance,
    diagnosis: query.setting === undefined ? diagnoseEnsemble(members, options) : diagnoseSweep(members, options),
    caveats: [
      ...notEvaluated(models.filter(({ id }) => !pointsOf.has(id))),
      ...(query.setting === undefined ? mixedSettings(models) : []),
    ],
  };
}

/** Results on other examples do not compare. */
function checkOneSuite(name: string, models: readonly ListedModel[]): void {
  const suites = new Map(models.map((model) => [model.suiteVersionId, model]));
  if (suites.size === 1) return;
  const each = [...suites.values()].map(
    ({ name: model, suiteName, suiteVersion }) => `"${model}" on ${suiteName} ${suiteVersion.version}`,
  );
  throw new DomainError(
    "not_comparable",
    `The models of "${name}" are on ${suites.size} suite versions: ${few(each)}. PATCH their suite to one.`,
    { reason: "other_suite" },
  );
}

async function readPoints(
  ctx: TeamContext,
  name: string,
  models: readonly ListedModel[],
): Promise<{ pointsOf: Map<string, Point[]>; provenance: EvidenceProvenance | null }> {
  const [first] = models;
  if (first === undefined) return { pointsOf: new Map(), provenance: null };
  const most = Math.floor(MOST_RESULTS / first.suiteVersion.splits.length);
  const key = { teamId: ctx.actor.teamId, suiteVersionId: first.suiteVersionId };
  const ids = models.map(({ id }) => id);
  const rows = await readMemberPoints(ctx.db, key, ids, most + 1);
  if (rows.length > most) throw tooLarge(name, `more than ${most} checkpoints`);
  const pointsOf = new Map<string, Point[]>();
  for (const { modelId, point } of rows) {
    const points = pointsOf.get(modelId);
    if (points) points.push(point);
    else pointsOf.set(modelId, [point]);
  }
  const [one = null, ...others] = new Set(rows.map(({ provenance }) => provenance));
  return { pointsOf, provenance: others.length > 0 ? "mixed" : one };
}

function tooLarge(name: string, what: string): DomainError {
  const detail = `"${name}" has ${what}. Read its models' trajectories, and let the command ensemble say what they say together.`;
  return new DomainError("ensemble_too_large", detail);
}

/**
 * The number in a model's tag `name:NUMBER`.
 * @throws DomainError `invalid_request` where it has none, or several
 */
function taggedNumber(model: ListedModel, name: string): number {
  const values = tagged(model, name);
  const [value, ...more] = values;
  if (isNumber(value) && more.length === 0) return Number(value);
  const has = values.length === 0 ? "no such tag" : values.map((text) => `"${name}:${text}"`).join(" and ");
  throw new DomainError(
    "invalid_request",
    `Each model of the ensemble needs one tag "${name}:NUMBER"; "${model.name}" has ${has}.`,
  );
}

const tagged = ({ tags }: ListedModel, name: string): string[] =>
  tags.filter((tag) => tag.startsWith(`${name}:`)).map((tag) => tag.slice(name.length + 1));

const isNumber = (text: string | undefined): boolean => text?.trim() !== "" && Number.isFinite(Number(text));

function notEvaluated(models: readonly ListedModel[]): EnsembleCaveat[] {
  if (models.length === 0) return [];
  const names = few(models.map(({ name }) => `"${name}"`));
  const [noun, verb] = models.length === 1 ? ["model", "has"] : ["models", "have"];
  const message = `${models.length} ${noun} without an evaluated checkpoint ${verb} no part in it: ${names}.`;
  return [{ code: "not_evaluated", message }];
}

/** Members that differ by more than their seeds are not draws of one thing. */
function mixedSettings(models: readonly ListedModel[]): EnsembleCaveat[] {
  const names = new Set(models.flatMap(({ tags }) => tags.flatMap((tag) => /^([^:]+):/.exec(tag)?.[1] ?? [])));
  names.delete("seed");
  const differing = [...names].filter((name) => new Set(models.map((model) => tagged(model, name).join())).size > 1);
  if (differing.length === 0) return [];
  const swept = differing.find((name) =>
    models.every((model) => tagged(model, name).length === 1 && isNumber(tagged(model, name)[0])),
  );
  const message = `Models differ by ${few(differing)}, and not by their seeds alone${swept === undefined ? "" : `: setting=${swept} reads a sweep`}.`;
  return [{ code: "mixed_settings", message }];
}

function few(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? `${shown} and ${names.length - NAMED} more` : shown;
}
