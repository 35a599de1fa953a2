/** The cart beside the products: what is in it, and what the offers make of the sum. */

import { h, money } from "./dom";
import { picture } from "./pictures";
import type { Product } from "./products";
import type { Line, Visitor } from "./visitor";

const SHIPPING_CENTS = 690;

export class Cart {
  readonly element = h("section", { class: "panel", id: "cart", "aria-labelledby": "cart-title", tabindex: -1 });

  constructor(
    private readonly visitor: Visitor,
    private readonly remove: (product: Product) => void,
  ) {
    visitor.onChange(() => this.draw());
    this.draw();
  }

  private draw(): void {
    const lines = this.visitor.lines();
    this.element.replaceChildren(
      h("h2", { id: "cart-title" }, "Your cart"),
      ...(lines.length === 0 ? [h("p", { class: "muted" }, "Nothing in it yet.")] : [this.list(lines), this.sums()]),
    );
  }

  private list(lines: Line[]): HTMLElement {
    return h(
      "ul",
      { class: "lines" },
      ...lines.map(({ product, quantity }) =>
        h(
          "li",
          {},
          h("span", { class: "thumb" }, picture(product.id)),
          h("span", { class: "line-name" }, product.name, quantity > 1 ? h("span", { class: "muted" }, ` × ${quantity}`) : null),
          h("span", { class: "number" }, money(product.cents * quantity)),
          h("button", { class: "link", type: "button", "aria-label": `Remove one ${product.name}`, onclick: () => this.remove(product) }, "Remove"),
        ),
      ),
    );
  }

  private sums(): HTMLElement {
    const goods = this.visitor.cents();
    const off = this.visitor.hasOffer("discount") ? Math.round(goods / 10) : 0;
    const shipping = this.visitor.hasOffer("free_shipping") ? 0 : SHIPPING_CENTS;
    const row = (name: string, amount: string, kind = "") =>
      h("div", { class: kind }, h("dt", {}, name), h("dd", { class: "number" }, amount));
    return h(
      "dl",
      { class: "sums" },
      row("Goods", money(goods)),
      off > 0 && row("A tenth off", `−${money(off)}`, "good"),
      row("Shipping", shipping === 0 ? "Free" : money(shipping), shipping === 0 ? "good" : ""),
      row("Total", money(goods - off + shipping), "total"),
    );
  }
}
