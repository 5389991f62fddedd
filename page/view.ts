/** One of the page's views, and what it asks the process for. */
export interface View<Answer> {
  readonly node: HTMLElement;
  url(): string;
  show(answer: Answer): void;
  /** What the window's title begins with. */
  title(answer: Answer): string;
  /** What is read out when it has become different. */
  news(answer: Answer): string;
}
