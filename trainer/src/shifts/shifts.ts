import { createRandom } from "../random.ts";
import { blur, type Change, contrast, mask, noise, relabel, swap } from "./changes.ts";
import { holdout, type Move, range } from "./moves.ts";
import { Options, type ShiftRequest } from "./options.ts";
import { joinRows, pickRows, ShiftError, type SplitTables, type SuiteTables } from "./suite-file.ts";

const CHANGES = new Map<string, Change>(Object.entries({ noise, blur, contrast, mask, swap, relabel }));
const MOVES = new Map<string, Move>(Object.entries({ holdout, range }));
export const shiftNames = [...CHANGES.keys(), ...MOVES.keys()];

/**
 * Adds a split `ood:<name>` for each shift, made of the base split, and says in the metadata how: the same suite, seed
 * and shifts give the same bytes. Shifts that move rows go first, so that no other split has them. Throws ShiftError.
 */
export function addShifts(
  suite: SuiteTables,
  requests: readonly ShiftRequest[],
  { from, seed }: { from: string; seed: number },
): SuiteTables {
  const splits = new Map(suite.splits);
  const metadata = { ...suite.metadata };
  const isMove = ({ shift }: ShiftRequest) => MOVES.has(shift);
  for (const request of [...requests.filter(isMove), ...requests.filter((other) => !isMove(other))]) {
    const { shift } = request;
    const name = `ood:${request.options.get("as") ?? shift}`;
    if (splits.has(name)) throw new ShiftError(`there is a split ${name} already: name this one with ${shift}:as=NAME`);
    if (!/^ood:[A-Za-z0-9_.-]{1,64}$/.test(name)) throw new ShiftError(`"${name}" is no name of a split`);
    const [train, base] = [splitOf(splits, "train"), splitOf(splits, from)];
    const options = new Options(request.options);
    const random = createRandom(seed, name);
    const [change, move] = [CHANGES.get(shift), MOVES.get(shift)];
    if (change) splits.set(name, change(base, train, options, random));
    else if (move) moveRows(splits, name, from, move(train, base, options, random));
    else throw new ShiftError(`there is no shift "${shift}": there are ${shiftNames.join(", ")}`);
    options.end(shift);
    metadata[`shift:${name.slice("ood:".length)}`] = JSON.stringify({ shift, from, seed, ...options.used });
  }
  return { splits, metadata };
}

function splitOf(splits: ReadonlyMap<string, SplitTables>, name: string): SplitTables {
  const split = splits.get(name);
  if (!split) throw new ShiftError(`the suite has no split "${name}": it has ${[...splits.keys()].join(", ")}`);
  return split;
}

/** The new split is what goes of train and of the base split; both lose it. */
function moveRows(
  splits: Map<string, SplitTables>,
  name: string,
  from: string,
  goes: (split: SplitTables) => boolean[],
): void {
  const moved = [...new Set(["train", from])].map((split) => {
    const whole = splitOf(splits, split);
    const flags = goes(whole);
    const rows = Array.from(flags.keys());
    const left = rows.filter((row) => !flags[row]);
    if (left.length === 0) throw new ShiftError(`${name} would leave no row in ${split}`);
    splits.set(split, pickRows(whole, left));
    return pickRows(
      whole,
      rows.filter((row) => flags[row]),
    );
  });
  const joined = moved.reduce(joinRows);
  if (joined.rows === 0) throw new ShiftError(`${name} has no row`);
  splits.set(name, joined);
}
