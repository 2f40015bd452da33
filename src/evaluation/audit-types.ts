/** How far a split can be trusted to say what it seems to say. Counts are rows unless they say otherwise. */
export interface SplitAudit {
  split: string;
  /** Distinct classes (of a multilabel, labels) that are asked; null of a regression. */
  classes: number | null;
  /** What is asked most often, and its share of what is asked; null of a regression. */
  majority: { class: number; share: number } | null;
  /**
   * How evenly the classes are asked: entropy of their shares over that of equal ones (Pielou 1966), 1 where all are
   * asked as often; null of a regression. Missing in audits from before it.
   */
  balance?: number | null;
  /** Classes that train never asks. */
  unseenClasses: number | null;
  /** Rows whose inputs an earlier row of the split has. */
  duplicateRows: number;
  /** Rows whose inputs train has too; null of train itself. */
  inTrain: number | null;
  /** Of those, rows with other targets than train has: no model can have both right. */
  conflicting: number | null;
  /** Further rows that are nearly a row of train; null of train, and where rows are too short to be nearly anything. */
  nearTrain: number | null;
  /** The smallest changes of accuracy that the split's distinct examples tell from noise, two-sided at 95%. */
  resolves: Resolution;
}

export interface Resolution {
  /** Between independent measurements at an accuracy of one half, where the noise is greatest. */
  independent: number;
  /** On the same examples, where all that flip do so one way (exact McNemar); null where all flipping tells nothing. */
  paired: number | null;
}

export interface SuiteAudit {
  splits: SplitAudit[];
  /** Examples that resolve a change of one point (.01) between independent measurements. */
  examplesForOnePoint: number;
  /** Rows of train that near duplicates were looked for in: all, but of versions from before that; 0 of short rows. */
  nearSearched: number;
}
