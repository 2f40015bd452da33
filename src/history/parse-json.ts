/**
 * JSON as Python's `json.dumps` writes it: NaN and Infinity are bare words, which are no JSON, and are read as the text
 * that they are. Undefined where it is no JSON either way.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (!/NaN|Infinity/.test(text)) return undefined;
  }
  try {
    return JSON.parse(text.replace(STRING_OR_WORD, (word) => (word.startsWith('"') ? word : `"${word}"`)));
  } catch {
    return undefined;
  }
}

/** A string that does not close reaches to the end: sought again from each quote in it, it would take the square of that. */
const STRING_OR_WORD = /"[^"\\]*(?:\\[\s\S]?[^"\\]*)*(?:"|$)|-?\b(?:NaN|Infinity)\b/g;
