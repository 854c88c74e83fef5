// dom.ts: small help with elements, numbers and frames.

/** The element with this id; its tag is checked, so that page and program cannot drift apart unseen. */
export function byId<K extends keyof HTMLElementTagNameMap>(tag: K, id: string): HTMLElementTagNameMap[K] {
  const element = document.getElementById(id);
  if (element?.localName !== tag) throw new Error(`the page has no <${tag} id="${id}">`);
  return element as HTMLElementTagNameMap[K];
}

export function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export const option = (value: string, text = value): HTMLOptionElement =>
  create('option', { value, textContent: text });

/** Resolves at the next frame, or soon where a hidden tab gets none. */
export const nextFrame = (): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, HIDDEN_FRAME_MILLIS);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      resolve();
    });
  });

const HIDDEN_FRAME_MILLIS = 100;

/** Three significant digits, and a true minus sign. */
export function short(value: number): string {
  const size = Math.abs(value);
  const text =
    size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(Number(value.toPrecision(3)));
  return text.replace('-', '−');
}

export const range = (values: ArrayLike<number>): [number, number] => {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    // Written so that a NaN is kept, not passed over.
    if (!(values[i] >= low)) low = values[i];
    if (!(values[i] <= high)) high = values[i];
  }
  return [low, high];
};
