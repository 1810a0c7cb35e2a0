/** What the router shows: one element, with an end. */
export interface Page {
  readonly element: HTMLElement;
  dispose(): void;
}
