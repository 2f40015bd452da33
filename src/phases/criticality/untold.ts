export type UntoldCode =
  | "too_few_members"
  | "too_few_settings"
  | "no_common_split"
  | "no_common_steps"
  | "no_spread"
  | "peak_not_resolved"
  | "order_not_resolved"
  | "no_crossing";

/** In place of a figure: why there is none. `message` is a sentence that says what would help. */
export interface Untold {
  insufficient: UntoldCode;
  message: string;
}

export const isTold = <T extends object>(figure: T | Untold): figure is T => !("insufficient" in figure);
