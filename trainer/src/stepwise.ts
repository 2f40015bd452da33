/** A setting that may change while training runs: pairs of a step and the value from that step on, the first at 0. */
export type Stepwise = readonly (readonly [fromStep: number, value: number])[];

export const always = (value: number): Stepwise => [[0, value]];

export function valueAt(stepwise: Stepwise, step: number): number {
  const value = stepwise.findLast(([from]) => from <= step)?.[1];
  if (value === undefined) throw new Error(`the schedule says nothing about step ${step}`);
  return value;
}

/** Reads `0.5`, which holds throughout, or `0:0.5,1200:0.1`. Null where the text is neither. */
export function parseStepwise(text: string): Stepwise | null {
  const pairs = text.includes(":") ? text.split(",").map((pair) => pair.split(":")) : [["0", text]];
  const parsed: [number, number][] = [];
  for (const [from, value, ...rest] of pairs) {
    if (!/^\d+$/.test(from ?? "") || !/^\d+(\.\d+)?(e-?\d+)?$/.test(value ?? "") || rest.length > 0) return null;
    const step = Number(from);
    if (step <= (parsed.at(-1)?.[0] ?? -1)) return null;
    parsed.push([step, Number(value)]);
  }
  return parsed[0]?.[0] === 0 ? parsed : null;
}
