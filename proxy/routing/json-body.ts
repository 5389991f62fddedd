/**
 * A JSON value that can be trusted to mean the same to whoever parses it next. Numbers, `true`, `false` and `null`
 * are kept as the text that was sent; strings are unescaped.
 */
export type JsonValue = string | JsonObject | JsonArray;
export type JsonObject = ReadonlyMap<string, JsonValue>;
export type JsonArray = readonly JsonValue[];

/** The tokens of a text that is valid JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/**
 * The value of a body, undefined when it is unreadable: not UTF-8 (a byte order mark included), not JSON (RFC 8259),
 * or with a name twice in one object, which parsers resolve differently.
 */
export function parseJson(bytes: Uint8Array): JsonValue | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return readTokens(text.match(TOKEN)!);
}

/** Reads tokens whose grammar has been checked; without recursion, so that nesting costs no stack. */
function readTokens(tokens: readonly string[]): JsonValue | undefined {
  const open: (Map<string, JsonValue> | JsonValue[])[] = [];
  const names: string[] = [];
  let root: JsonValue | undefined;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token === ',' || token === ':') continue;
    if (token === '}' || token === ']') {
      open.pop();
      continue;
    }
    const parent = open.at(-1);
    if (parent instanceof Map && tokens[i + 1] === ':' && token.startsWith('"')) {
      const name = JSON.parse(token) as string;
      if (parent.has(name)) return undefined;
      names[open.length] = name;
      parent.set(name, '');
      i += 1;
      continue;
    }
    const value = token === '{' ? new Map<string, JsonValue>() : token === '[' ? [] : scalar(token);
    if (parent === undefined) root = value;
    else if (parent instanceof Map) parent.set(names[open.length]!, value);
    else parent.push(value);
    if (typeof value !== 'string') open.push(value);
  }
  return root;
}

function scalar(token: string): string {
  return token.startsWith('"') ? (JSON.parse(token) as string) : token;
}

/** Is a body with these headers one that may be read as JSON? */
export function isPlainJson(contentType: string | undefined, contentEncoding: string | undefined): boolean {
  if (contentEncoding !== undefined && contentEncoding.trim().toLowerCase() !== 'identity') return false;
  if (contentType === undefined) return false;
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  if (!/^application\/(?:json|[^\s/,]+\+json)$/.test(type.trim())) return false;
  const charset = parameters.find((parameter) => parameter.trim().startsWith('charset='));
  return charset === undefined || /^\s*charset="?utf-?8"?\s*$/.test(charset);
}
