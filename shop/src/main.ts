/** Puts the page together: what the visitor does is tracked, and what the server sends back is shown. */

import { Banners } from "./banners";
import { Cart } from "./cart";
import { loadConfig, type Config } from "./config";
import { h } from "./dom";
import { allProducts, oneProduct } from "./pages";
import { Panel } from "./panel";
import { icon } from "./pictures";
import { productOf, type Product } from "./products";
import { Profile } from "./profile";
import { Tracking } from "./tracking";
import { Visitor } from "./visitor";

const SHOP = "Firn";
/** What comes later than this after an action is not told to have come of it. */
const LATELY_MS = 3_000;
const ACTIONS = new Set(["product_view", "add_to_cart", "remove_from_cart"]);

function start(config: Config, root: HTMLElement): void {
  const visitor = new Visitor(localStorage);
  let acted = -Infinity;
  const sinceAction = () => {
    const after = performance.now() - acted;
    return after < LATELY_MS ? after : null;
  };

  const id = h("code", { class: "id" });
  const who = h("span", {});
  const signIn = h("button", { type: "button" }, "Sign in");
  const fresh = h("button", { type: "button" }, "New visitor");
  const identity = h("div", { class: "identity" }, h("p", {}, who, id), h("div", { class: "buttons" }, signIn, fresh));
  const panel = new Panel(config, identity);
  const banners = new Banners(config.rules);

  const tracking: Tracking = new Tracking(config.server, visitor.userId, {
    tracked(name, at) {
      panel.event(name);
      if (ACTIONS.has(name)) {
        acted = at;
        profile.lookSoon();
      }
    },
    received(intervention) {
      banners.show(intervention, sinceAction());
      visitor.takeOffer(intervention.name);
      panel.sent(intervention.name);
    },
  });
  const profile: Profile = new Profile(config, () => tracking.domainUserId, (attributes) => panel.show(attributes, sinceAction()));
  config.rules.filter((rule) => visitor.hasOffer(rule.name)).forEach((rule) => panel.sent(rule.name));

  const cart = new Cart(visitor, (product) => {
    visitor.removeOne(product);
    tracking.remove(product, visitor.cents());
  });
  const count = h("span", { class: "count" });
  const toCart = h("button", { class: "to-cart", type: "button" }, icon("cart"), "Cart", count);
  toCart.addEventListener("click", () => {
    cart.element.scrollIntoView({ block: "center" });
    cart.element.focus({ preventScroll: true });
  });
  const showVisitor = () => {
    count.textContent = String(visitor.count());
    id.textContent = tracking.domainUserId.slice(0, 8);
    who.textContent = visitor.userId ? "Signed in, visitor " : "Visitor ";
    signIn.hidden = visitor.userId !== null;
  };
  visitor.onChange(showVisitor);
  showVisitor();

  signIn.addEventListener("click", () => tracking.signIn(visitor.signIn()));
  fresh.addEventListener("click", () => {
    visitor.forget();
    tracking.forget();
    location.hash = "";
    location.reload();
  });

  const shop = h("main", { id: "shop" });
  const add = (product: Product) => {
    visitor.add(product);
    tracking.add(product, visitor.cents());
  };
  const showPage = (focus: boolean) => {
    const product = productOf(location.hash.replace("#/", ""));
    document.title = product ? `${product.name} · ${SHOP}` : `${SHOP}: good things for home and hills`;
    shop.replaceChildren(product ? oneProduct(product, () => add(product)) : allProducts());
    shop.dataset["product"] = product?.id ?? "";
    if (focus) {
      scrollTo({ top: 0 });
      shop.querySelector("h1")?.focus({ preventScroll: true });
    }
    tracking.page(document.title);
    if (product) {
      tracking.view(product);
    }
  };
  addEventListener("hashchange", () => showPage(true));

  root.replaceChildren(
    h("header", { class: "top" }, h("a", { class: "brand", href: "#/" }, icon("flake"), SHOP), h("p", { class: "muted" }, "A made-up shop, with real events"), toCart),
    h("div", { class: "columns" }, h("div", { class: "shop" }, banners.element, shop), h("aside", { "aria-label": "Cart and profile" }, cart.element, panel.element)),
  );
  showPage(false);
  profile.lookSoon();
}

const root = document.querySelector<HTMLElement>("#app")!;
loadConfig().then(
  (config) => start(config, root),
  (error: unknown) => root.replaceChildren(h("p", { class: "trouble", role: "alert" }, `The shop cannot open: ${String(error)}`)),
);
