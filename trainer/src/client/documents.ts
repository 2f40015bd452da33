// What the trainer reads of the service's documents. Other members are passed on unread.

export interface ModelDocument {
  readonly id: string;
  readonly [member: string]: unknown;
}

export interface VerdictDocument {
  readonly verdict: string;
  /** Null before the first checkpoint is evaluated. */
  readonly asOfStep: number | null;
  readonly caveats?: readonly { readonly code: string; readonly message: string }[];
  readonly [member: string]: unknown;
}

export interface TrajectoryPoint {
  readonly step: number;
  readonly weightNorm: number | null;
  /** Absent until the checkpoint is evaluated. */
  readonly splits?: Readonly<Record<string, { correct: number; total: number; loss: number | null }>>;
}

export interface TrajectoryDocument {
  readonly points: readonly TrajectoryPoint[];
  /** Cursor of the next page. */
  readonly next: string | null;
}

type Check<Document> = (document: unknown) => document is Document;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

export const isModel: Check<ModelDocument> = (value): value is ModelDocument =>
  isRecord(value) && typeof value["id"] === "string";

export const isVerdict: Check<VerdictDocument> = (value): value is VerdictDocument =>
  isRecord(value) &&
  typeof value["verdict"] === "string" &&
  (value["asOfStep"] === null || typeof value["asOfStep"] === "number") &&
  (value["caveats"] === undefined ||
    (Array.isArray(value["caveats"]) &&
      value["caveats"].every((caveat) => isRecord(caveat) && typeof caveat["message"] === "string")));

export const isTrajectory: Check<TrajectoryDocument> = (value): value is TrajectoryDocument =>
  isRecord(value) &&
  (value["next"] === null || typeof value["next"] === "string") &&
  Array.isArray(value["points"]) &&
  value["points"].every((point) => isRecord(point) && typeof point["step"] === "number");

/** Parses an answer, or says which document was not what it should be. */
export function parseDocument<Document>(text: string, check: Check<Document>, what: string): Document {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${what}: the answer is not JSON`, { cause });
  }
  if (!check(document)) throw new Error(`${what}: the answer is not the document it should be`);
  return document;
}
