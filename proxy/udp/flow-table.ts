/** Its place in a `FlowTable`: for the table alone to change. */
export interface FlowPlace {
  readonly key: string;
  /** Milliseconds of the clock. */
  touchedMs: number;
  list: FlowList | undefined;
  prev: FlowPlace | undefined;
  next: FlowPlace | undefined;
}

export function flowPlace(key: string): FlowPlace {
  return { key, touchedMs: 0, list: undefined, prev: undefined, next: undefined };
}

/**
 * The flows of a UDP port by key, the longest quiet one found at once.
 *
 * When there are too many the longest quiet flow goes whose client was not heard again after an answer; only when there
 * is none, the longest quiet one of the others. So a flood from made-up addresses, which never do that, displaces
 * itself and not those who were talking.
 */
export class FlowTable<F extends FlowPlace> {
  readonly #flows = new Map<string, F>();
  readonly #unproven = new FlowList();
  readonly #proven = new FlowList();

  get size(): number {
    return this.#flows.size;
  }

  get(key: string): F | undefined {
    return this.#flows.get(key);
  }

  values(): Iterable<F> {
    return this.#flows.values();
  }

  add(flow: F, nowMs: number): void {
    this.#flows.set(flow.key, flow);
    flow.touchedMs = nowMs;
    this.#unproven.push(flow);
  }

  /** It has moved. Free while the coarse clock stands. */
  touch(flow: F, nowMs: number): void {
    if (flow.touchedMs === nowMs) return;
    flow.touchedMs = nowMs;
    const { list } = flow;
    if (list === undefined) return;
    list.remove(flow);
    list.push(flow);
  }

  /** Its client answered an answer: it is where it says it is. */
  prove(flow: F): void {
    if (flow.list !== this.#unproven) return;
    this.#unproven.remove(flow);
    this.#proven.push(flow);
  }

  /** False: it was not in the table any more. */
  delete(flow: F): boolean {
    if (flow.list === undefined) return false;
    flow.list.remove(flow);
    return this.#flows.delete(flow.key);
  }

  /** Who goes first when there are too many. */
  get oldest(): F | undefined {
    return (this.#unproven.first ?? this.#proven.first) as F | undefined;
  }

  /** One that was last touched before `beforeMs`; undefined: there is none. */
  quietSince(beforeMs: number): F | undefined {
    for (const { first } of [this.#unproven, this.#proven]) {
      if (first !== undefined && first.touchedMs < beforeMs) return first as F;
    }
    return undefined;
  }
}

/** Flows in the order in which they were last touched. */
export class FlowList {
  first: FlowPlace | undefined;
  #last: FlowPlace | undefined;

  push(flow: FlowPlace): void {
    flow.list = this;
    flow.prev = this.#last;
    flow.next = undefined;
    if (this.#last === undefined) this.first = flow;
    else this.#last.next = flow;
    this.#last = flow;
  }

  remove(flow: FlowPlace): void {
    if (flow.prev === undefined) this.first = flow.next;
    else flow.prev.next = flow.next;
    if (flow.next === undefined) this.#last = flow.prev;
    else flow.next.prev = flow.prev;
    flow.list = undefined;
    flow.prev = undefined;
    flow.next = undefined;
  }
}
