/** The two kinds of page: all products, and one. */

import { h, money } from "./dom";
import { icon, picture } from "./pictures";
import { PRODUCTS, type Product } from "./products";

export function allProducts(): HTMLElement {
  return h(
    "div",
    {},
    h(
      "div",
      { class: "lead" },
      h("h1", { tabindex: -1 }, "Good things for home and hills"),
      h("p", {}, "Look at a few, put something into the cart, and watch what the server learns of you."),
    ),
    h("ul", { class: "products" }, ...PRODUCTS.map(card)),
  );
}

function card(product: Product): HTMLElement {
  return h(
    "li",
    {},
    h(
      "a",
      { class: "card", href: `#/${product.id}` },
      h("span", { class: "tile" }, picture(product.id)),
      h("span", { class: "card-head" }, h("strong", {}, product.name), h("span", { class: "price" }, money(product.cents))),
      h("span", { class: "muted" }, product.line),
    ),
  );
}

export function oneProduct(product: Product, add: () => void): HTMLElement {
  return h(
    "article",
    { class: "product" },
    h("a", { class: "back", href: "#/" }, icon("back"), "All products"),
    h("div", { class: "tile" }, picture(product.id)),
    h(
      "div",
      { class: "product-text" },
      h("p", { class: "muted" }, product.category.replace("/", " · ")),
      h("h1", { tabindex: -1 }, product.name),
      h("p", { class: "price" }, money(product.cents)),
      h("p", {}, product.text),
      h("button", { class: "main", type: "button", onclick: add }, "Add to cart"),
    ),
  );
}
