/**
 * Everything the page shows is made here, out of elements and text: names from a cluster never become markup. (The
 * page's policy, `require-trusted-types-for`, has the browser refuse any other way.)
 */

export type Attributes = Readonly<Record<string, string>>;

export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function s<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Node[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Writes only what is different, so that a selection in it lives on. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** Something that is made once and shows one value after the other. */
export interface Part<Value> {
  readonly node: Node;
  show(value: Value): void;
}

/**
 * Shows one part for each item, in their order. A part stays with its key, so that focus and selection stay where they
 * are.
 */
export class KeyedParts<Item> {
  readonly #parent: Element;
  readonly #keyOf: (item: Item) => string;
  readonly #make: () => Part<Item>;
  #parts = new Map<string, Part<Item>>();

  constructor(parent: Element, keyOf: (item: Item) => string, make: () => Part<Item>) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#make = make;
  }

  show(items: readonly Item[]): void {
    const parts = new Map(
      items.map((item) => [this.#keyOf(item), this.#parts.get(this.#keyOf(item)) ?? this.#make()]),
    );
    for (const [key, { node }] of this.#parts) if (!parts.has(key)) node.parentNode?.removeChild(node);
    items.forEach((item, index) => {
      const part = parts.get(this.#keyOf(item))!;
      part.show(item);
      const present = this.#parent.childNodes[index];
      if (present !== part.node) this.#parent.insertBefore(part.node, present ?? null);
    });
    this.#parts = parts;
  }
}
