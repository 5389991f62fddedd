/** Something that gathers what it has to write. */
export interface Flushable {
  flush(): void;
}

/**
 * Has everything written that was gathered in one turn of the event loop, when the turn's events have all been
 * handled: a connection writes once, whatever came for it and from wherever. A write is most of what a small message
 * costs.
 */
export class FlushQueue {
  #waiting: Flushable[] = [];
  #spare: Flushable[] = [];
  readonly #run = () => this.#flush();

  /** Once until it is flushed. */
  add(target: Flushable): void {
    if (this.#waiting.push(target) === 1) setImmediate(this.#run);
  }

  #flush(): void {
    const targets = this.#waiting;
    this.#waiting = this.#spare;
    for (const target of targets) target.flush();
    targets.length = 0;
    this.#spare = targets;
  }
}
