import type { ComparisonDocument } from "../routes/compare.ts";

type Split = ComparisonDocument["splits"][number];

/** Two checkpoints on the same examples; `link` is this page with other parameters. */
export function ComparePage({
  comparison,
  link,
}: {
  comparison: ComparisonDocument;
  link: (changes: Record<string, string>) => string;
}) {
  const { before, after, transition, splits, suite } = comparison;
  const same = before.model === after.model;
  return (
    <>
      <h1>
        <a href={`/models/${after.model}`}>{after.name}</a>: step {after.step} against{" "}
        {same ? null : <a href={`/models/${before.model}`}>{before.name}</a>}
        {same ? "" : " at "}step {before.step}
      </h1>
      <p class="summary">
        {transition ? `Across the ${transition.kind} of ${transition.split}. ` : ""}On the same examples of {suite.name}
        . Probabilities are of no change at all, adjusted over the splits.
      </p>
      <div class="scroll">
        <table>
          <tr>
            <th>split</th>
            <th>accuracy</th>
            <th>gained</th>
            <th>lost</th>
            <th>p</th>
            <th>change of loss</th>
            <th>p</th>
          </tr>
          {splits.map(({ split, accuracy, flips, loss }) => (
            <tr>
              <td>{split}</td>
              <td class="number">
                {accuracy.before.toFixed(3)} to {accuracy.after.toFixed(3)}
              </td>
              <td class="number">{flips?.gained ?? "not kept"}</td>
              <td class="number">{flips?.lost ?? "not kept"}</td>
              <td class="number">{flips ? flips.adjusted.toPrecision(2) : ""}</td>
              <td class="number">
                {loss
                  ? `${loss.change.toFixed(3)} (${loss.interval.map((end) => end.toFixed(3)).join(" to ")})`
                  : "no number"}
              </td>
              <td class="number">{loss ? loss.adjusted.toPrecision(2) : ""}</td>
            </tr>
          ))}
        </table>
      </div>
      {splits.map((split) => (
        <Flipped split={split} link={link} />
      ))}
    </>
  );
}

function Flipped({
  split: { split, flips },
  link,
}: {
  split: Split;
  link: (changes: Record<string, string>) => string;
}) {
  if (!flips || flips.gained + flips.lost === 0) return null;
  return (
    <>
      <h2>Which examples of {split}</h2>
      <Items what="Right since" items={flips.gainedItems} />
      <Items what="Wrong since" items={flips.lostItems} />
      {flips.next === null ? null : (
        <p>
          <a href={link({ split, after: String(flips.next) })}>More</a>
        </p>
      )}
    </>
  );
}

function Items({ what, items }: { what: string; items: readonly number[] }) {
  if (items.length === 0) return null;
  return (
    <p>
      {what}: <span class="number">{stretches(items).join(", ")}</span>
    </p>
  );
}

/** Neighbours as one: 3, 4, 5 and 9 are "3 to 5" and "9". */
function stretches(items: readonly number[]): string[] {
  const found: [first: number, last: number][] = [];
  for (const item of items) {
    const open = found.at(-1);
    if (open && open[1] === item - 1) open[1] = item;
    else found.push([item, item]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`));
}
