/**
 * The step of a file, by its name: the number after the word "step" where there is one ("epoch=3-step=4000"), else the
 * last whole number ("ckpt_000400"). Part of a decimal ("loss0.25") is no step. Null where nothing is left.
 */
export function stepOf(name: string): number | null {
  const stem = name.replace(/\.[^.]*$/, "");
  const named = /steps?[-_=. ]*(\d+)(?!\.?\d)/i.exec(stem)?.[1];
  const last = [...stem.matchAll(/(?<!\d)(?<!\d\.)\d+(?!\d|\.\d)/g)].at(-1)?.[0];
  const digits = named ?? last;
  return digits === undefined || Number(digits) > 999_999_999_999_999 ? null : Number(digits);
}
