/** Lines by number from 1, however they end: one at a time, since a list of them may be larger than the text. */
export function* linesOf(text: string): Generator<[number: number, line: string]> {
  const ending = /\r\n|\n|\r/g;
  let number = 1;
  let start = 0;
  for (let end = ending.exec(text); end !== null; end = ending.exec(text)) {
    yield [number, text.slice(start, end.index)];
    start = ending.lastIndex;
    number++;
  }
  yield [number, text.slice(start)];
}
