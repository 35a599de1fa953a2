/** Elements without a framework: text is always text, never markup. */

type Child = Node | string | null | undefined | false;
type Properties = Record<string, string | number | boolean | EventListener | undefined>;

/** An element with attributes, listeners (`onclick`) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
  for (const child of children) {
    if (child) {
      element.append(child);
    }
  }
  return element;
}

/** A drawing of our own; it says nothing to a screen reader that the text beside it does not. */
export function drawing(markup: string, viewBox: string, kind: string): SVGSVGElement {
  const text = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}" class="${kind}" aria-hidden="true">${markup}</svg>`;
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  return document.importNode(parsed, true) as unknown as SVGSVGElement;
}

const euros = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });

/** An amount in cents as people write it. */
export function money(cents: number): string {
  return euros.format(cents / 100);
}
