/** The name with the fewest letters to insert, delete or change. */
export function nearest(key: string, names: readonly string[]): string {
  const plain = (text: string) => text.replaceAll("-", "").toLowerCase();
  const [best] = names
    .map((name) => ({ name, distance: distance(plain(key), plain(name)) }))
    .sort((x, y) => x.distance - y.distance);
  return best?.name ?? "";
}

function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
