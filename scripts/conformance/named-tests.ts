/** Which tests say, in a comment, which rows of the catalogue they hold. */
import { type Comment, type Expression, type Node, parseSync, Visitor } from 'oxc-parser';

export interface NamedTest {
  readonly file: string;
  /** Names of its `describe`s and its own, as they are written: `%s` and `$name` stand for what a table gives. */
  readonly name: string;
}

/** A `describe` or `it` in the source, or one under a name that begins so. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** The table that it repeats over, when that is a name. */
  readonly table: string | undefined;
}

/** `D01`, and the ends of `D01-D03`. */
const ROW = /\b([A-K])(\d\d)(?:\s?[-–]\s?\1(\d\d))?\b/g;

/**
 * The tests of one file, by row. A comment right before an `it` or `describe`, or inside one, speaks of that one.
 * A test named `$id …` over a table speaks of every row that the table has as a string.
 * @param tableRows rows in the table of this name
 */
export function namedTests(
  file: string,
  source: string,
  tableRows: (table: string) => readonly string[] = () => [],
): Map<string, NamedTest[]> {
  const { program, comments } = parseSync(file, source);
  const blocks = blocksOf(program);
  const found = new Map<string, NamedTest[]>();
  const note = (row: string, block: Block): void => {
    const name = nameOf(block, blocks).replaceAll('$id', row);
    const tests = found.get(row) ?? [];
    if (!tests.some((test) => test.name === name)) tests.push({ file, name });
    found.set(row, tests);
  };
  for (const comment of comments) {
    const rows = rowsIn(comment.value);
    if (rows.length === 0) continue;
    const block = following(comment, { blocks, comments, source }) ?? around(comment.start, blocks).at(-1);
    if (block !== undefined) for (const row of rows) note(row, block);
  }
  for (const block of blocks) {
    if (block.table === undefined || !block.name.includes('$id')) continue;
    for (const row of new Set(tableRows(block.table))) note(row, block);
  }
  return found;
}

export function rowsIn(text: string): string[] {
  return [...text.matchAll(ROW)].flatMap(([, section, first, last]) => {
    const [from, to] = [Number(first), Number(last ?? first)];
    return Array.from({ length: to - from + 1 }, (_, i) => `${section}${String(from + i).padStart(2, '0')}`);
  });
}

function blocksOf(program: Node): Block[] {
  const blocks: Block[] = [];
  new Visitor({
    CallExpression(call) {
      const [name] = call.arguments;
      if (name === undefined || !/^(it|test|describe)([A-Z]\w*)?$/.test(rootOf(call.callee))) return;
      const text = textOf(name);
      if (text === undefined) return;
      blocks.push({ start: call.start, end: call.end, name: text, table: tableOf(call.callee) });
    },
  }).visit(program as Parameters<Visitor['visit']>[0]);
  return blocks;
}

/** `it` of `it.each(TABLE)`, `it.skipIf(x)` and the like. */
function rootOf(callee: Expression): string {
  switch (callee.type) {
    case 'Identifier':
      return callee.name;
    case 'MemberExpression':
      return rootOf(callee.object);
    case 'CallExpression':
      return rootOf(callee.callee);
    default:
      return '';
  }
}

function tableOf(callee: Expression): string | undefined {
  if (callee.type !== 'CallExpression') return undefined;
  const [table] = callee.arguments;
  return table?.type === 'Identifier' ? table.name : undefined;
}

function textOf(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type === 'TemplateLiteral') return node.quasis.map(({ value }) => value.cooked).join('…');
  return undefined;
}

interface Place {
  readonly blocks: readonly Block[];
  readonly comments: readonly Comment[];
  readonly source: string;
}

/** The block that begins right behind the comment, further comments aside. */
function following(comment: Comment, { blocks, comments, source }: Place): Block | undefined {
  let at = comment.end;
  for (;;) {
    while (/\s/.test(source[at] ?? '')) at += 1;
    const next = comments.find(({ start }) => start === at);
    if (next === undefined) return blocks.find(({ start }) => start === at);
    at = next.end;
  }
}

/** Outermost first. */
function around(at: number, blocks: readonly Block[]): Block[] {
  return blocks.filter(({ start, end }) => start <= at && at < end).toSorted((a, b) => a.start - b.start);
}

function nameOf(block: Block, blocks: readonly Block[]): string {
  return around(block.start, blocks)
    .map(({ name }) => name)
    .join(' › ');
}
