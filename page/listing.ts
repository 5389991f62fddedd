import type { Part } from '../api/overview.ts';
import { h, setText } from './dom.ts';
import { count } from './format.ts';
import { Table, type TableOptions } from './table.ts';

export interface ListingOptions<Row> extends TableOptions<Row> {
  /** How its query is named in a request: `pools`. */
  readonly name: string;
  readonly title: string;
  readonly placeholder: string;
  /** Values and texts; the first is chosen at the beginning. */
  readonly states: readonly (readonly [string, string])[];
  /** Said when nothing matches. */
  readonly empty: (isFiltered: boolean) => string;
  /** Another part of the list is wanted. */
  readonly onChange: () => void;
}

/** A long list of which a part is shown: to search, to narrow down, to page through. */
export class Listing<Row> {
  readonly node: HTMLElement;
  readonly #name: string;
  readonly #table: Table<Row>;
  readonly #search: HTMLInputElement;
  readonly #state: HTMLSelectElement;
  readonly #empty = h('p', { class: 'empty' });
  readonly #emptyText: (isFiltered: boolean) => string;
  readonly #pager: HTMLElement;
  readonly #place = h('span', { 'aria-live': 'polite' });
  readonly #previous = h('button', { type: 'button' }, 'Previous');
  readonly #next = h('button', { type: 'button' }, 'Next');
  #offset = 0;
  #size = 0;

  constructor(options: ListingOptions<Row>) {
    const { name, title, placeholder, states, empty, onChange } = options;
    this.#name = name;
    this.#emptyText = empty;
    this.#table = new Table(options);
    this.#search = h('input', {
      type: 'search',
      placeholder,
      'aria-label': `Search ${title}`,
      autocomplete: 'off',
    });
    this.#state = h(
      'select',
      { 'aria-label': `Which ${title}` },
      ...states.map(([value, label]) => h('option', { value }, label)),
    );
    const anew = (): void => {
      this.#offset = 0;
      onChange();
    };
    this.#search.addEventListener('input', anew);
    this.#state.addEventListener('change', anew);
    const turn = (by: number): void => {
      this.#offset = Math.max(0, this.#offset + by);
      onChange();
    };
    this.#previous.addEventListener('click', () => turn(-this.#size));
    this.#next.addEventListener('click', () => turn(this.#size));
    this.#pager = h(
      'nav',
      { class: 'pager', 'aria-label': `Parts of ${title}` },
      this.#place,
      this.#previous,
      this.#next,
    );
    const heading = h('h2', { id: `${name}-title` }, title);
    this.node = h(
      'section',
      { 'aria-labelledby': `${name}-title` },
      h('div', { class: 'head', role: 'search', 'aria-label': title }, heading, this.#search, this.#state),
      h('div', { class: 'sheet' }, this.#table.node, this.#empty, this.#pager),
    );
  }

  addTo(query: URLSearchParams): void {
    query.set(`${this.#name}.search`, this.#search.value);
    query.set(`${this.#name}.state`, this.#state.value);
    query.set(`${this.#name}.offset`, String(this.#offset));
  }

  show({ items, offset, total }: Part<Row>): void {
    this.#offset = offset;
    this.#size = Math.max(this.#size, items.length);
    this.#table.show(items);
    this.#table.node.hidden = items.length === 0;
    this.#empty.hidden = items.length > 0;
    const isFiltered = this.#search.value !== '' || this.#state.selectedIndex > 0;
    setText(this.#empty, items.length > 0 ? '' : this.#emptyText(isFiltered));
    this.#pager.hidden = items.length === total;
    setText(this.#place, `${count(offset + 1)}–${count(offset + items.length)} of ${count(total)}`);
    this.#previous.disabled = offset === 0;
    this.#next.disabled = offset + items.length >= total;
  }
}
