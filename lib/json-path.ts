/** A member's name, or an element's index (from the end when negative). */
export type JsonPathStep = string | number;

const STEP =
  /[\t\n\r ]*(?:\.(?<shorthand>[A-Za-z_\u0080-\ud7ff\ue000-\u{10ffff}][\w\u0080-\ud7ff\ue000-\u{10ffff}]*)|\[(?:(?<index>0|-?[1-9]\d{0,15})|'(?<single>(?:[^'\\]|\\.)*)'|"(?<double>(?:[^"\\]|\\.)*)")\])/uy;

/**
 * The steps of a singular JSONPath query (RFC 9535 section 2.3.5.1), such as `$.model` or `$['a b'][-1].c`: one that
 * names at most one value. Undefined for anything else.
 */
export function parseSingularQuery(query: string): JsonPathStep[] | undefined {
  if (!query.startsWith('$')) return undefined;
  const steps: JsonPathStep[] = [];
  let at = 1;
  while (at < query.length) {
    STEP.lastIndex = at;
    const groups = STEP.exec(query)?.groups;
    if (groups === undefined) return undefined;
    at = STEP.lastIndex;
    const step = stepOf(groups);
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return steps;
}

function stepOf(groups: Readonly<Record<string, string | undefined>>): JsonPathStep | undefined {
  const { shorthand, index, single, double } = groups;
  if (shorthand !== undefined) return shorthand;
  if (index !== undefined) return Number.isSafeInteger(Number(index)) ? Number(index) : undefined;
  if (double !== undefined) return double.includes(`\\'`) ? undefined : unescape(double);
  return unescapeSingle(single!);
}

/** Between single quotes a double quote stands for itself, and `\'` for a single one. */
function unescapeSingle(text: string): string | undefined {
  if (text.includes('\\"')) return undefined;
  return unescape(text.replaceAll(/\\.|"/g, (part) => (part === "\\'" ? "'" : part === '"' ? '\\"' : part)));
}

/** The other escapes, and what must be escaped, are JSON's. */
function unescape(text: string): string | undefined {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}
