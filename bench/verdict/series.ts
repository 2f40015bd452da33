// What every detector of the verdict benchmark is given, and what it answers.

export type EventKind = "generalization" | "regression";

/** One split's series by checkpoint: `m` is the accuracy rescaled from chance (0) to no error (1), in order of steps. */
export interface Series {
  steps: readonly number[];
  m: readonly number[];
  /** Train's accuracy at the same checkpoints; null where it was not measured. */
  train: readonly (number | null)[];
  /** Examples behind each value. */
  total: number;
}

/** An event as a detector reports it; places are indices into the series. */
export interface FoundEvent {
  kind: EventKind;
  /** The last checkpoint before the change, as the detector dates it. */
  onset: number;
  /** The checkpoint whose arrival let the detector say so; null for a detector that only looks back. */
  detectedAt: number | null;
}

export interface Detector {
  name: string;
  /** One line on what it is and with which settings, and where they come from. */
  description: string;
  find(series: Series): FoundEvent[];
}
