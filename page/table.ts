import { h, KeyedParts, setAttribute, setText, type Part } from './dom.ts';

export interface Column<Row> {
  readonly head: string;
  readonly className?: string;
  readonly make: () => Part<Row>;
}

export interface TableOptions<Row> {
  readonly caption: string;
  /** The first one heads its row. */
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly inTrouble?: (row: Row) => boolean;
}

/**
 * A table whose rows come and go. Roles are spelled out, since on a narrow screen its rows are laid out as cards, and
 * some browsers then forget what a table is.
 */
export class Table<Row> {
  readonly node: HTMLTableElement;
  readonly #rows: KeyedParts<Row>;

  constructor({ caption, columns, keyOf, inTrouble = () => false }: TableOptions<Row>) {
    const body = h('tbody', { role: 'rowgroup' });
    this.node = h(
      'table',
      { role: 'table' },
      h('caption', { class: 'unseen' }, caption),
      h(
        'thead',
        { role: 'rowgroup' },
        h(
          'tr',
          { role: 'row' },
          ...columns.map(({ head, className = '' }) =>
            h('th', { role: 'columnheader', scope: 'col', class: className }, head),
          ),
        ),
      ),
      body,
    );
    this.#rows = new KeyedParts(body, keyOf, () => {
      const parts = columns.map(({ make }) => make());
      const node = h(
        'tr',
        { role: 'row' },
        ...columns.map(({ head, className = '' }, index) => {
          const attributes = { class: className, 'data-head': head };
          return index === 0
            ? h('th', { role: 'rowheader', scope: 'row', ...attributes }, parts[index]!.node)
            : h('td', { role: 'cell', ...attributes }, parts[index]!.node);
        }),
      );
      return {
        node,
        show(row: Row) {
          setAttribute(node, 'class', inTrouble(row) ? 'trouble' : '');
          for (const part of parts) part.show(row);
        },
      };
    });
  }

  show(rows: readonly Row[]): void {
    this.#rows.show(rows);
  }
}

/** Text of a row. */
export function text<Row>(head: string, read: (row: Row) => string, className = ''): Column<Row> {
  return {
    head,
    className,
    make() {
      const node = h('span');
      return { node, show: (row) => setText(node, read(row)) };
    },
  };
}

/** A link; the text is what it leads to. */
export function link<Row>(head: string, read: (row: Row) => { text: string; href: string }): Column<Row> {
  return {
    head,
    make() {
      const node = h('a');
      return {
        node,
        show(row) {
          const { text, href } = read(row);
          setText(node, text);
          setAttribute(node, 'href', href);
        },
      };
    },
  };
}

/** Something that shows a part of the row. */
export function shown<Row, Value>(
  head: string,
  make: () => Part<Value>,
  read: (row: Row) => Value,
  className = '',
): Column<Row> {
  return {
    head,
    className,
    make() {
      const part = make();
      return { node: part.node, show: (row) => part.show(read(row)) };
    },
  };
}
