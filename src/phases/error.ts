export type TrajectoryErrorCode =
  | "invalid_options"
  | "invalid_step"
  | "step_order"
  | "unknown_split"
  | "invalid_result";

/** Points or options that no verdict can be read from. `step` and `split` say where, if there. */
export class TrajectoryError extends Error {
  readonly code: TrajectoryErrorCode;
  readonly step: number | null;
  readonly split: string | null;

  constructor(code: TrajectoryErrorCode, message: string, where: { step?: number; split?: string } = {}) {
    super(message);
    this.name = "TrajectoryError";
    this.code = code;
    this.step = where.step ?? null;
    this.split = where.split ?? null;
  }
}
