/** What the server sends becomes a banner: once, and gone when it is closed. */

import type { Intervention } from "@snowplow/signals-browser-plugin";
import type { Rule } from "./config";
import { h } from "./dom";
import { icon, type Icon } from "./pictures";

interface Offer {
  icon: Icon;
  title: string;
  text: string;
}

const OFFERS: Record<string, Offer> = {
  discount: {
    icon: "tag",
    title: "A tenth off, for looking around",
    text: "You have seen a good part of the shop. Whatever you choose now is 10 % less.",
  },
  cart_abandonment: {
    icon: "clock",
    title: "Take your time",
    text: "What is in your cart stays there for you, and the price stays what it is.",
  },
  free_shipping: {
    icon: "parcel",
    title: "Shipping is on us",
    text: "What you have chosen comes to more than €100, so we bring it for nothing.",
  },
};

export class Banners {
  /** The place for banners; screen readers read what is put into it. */
  readonly element = h("section", { class: "banners", "aria-label": "Offers", "aria-live": "polite" });

  constructor(private readonly rules: Rule[]) {}

  /**
   * Show an intervention.
   *
   * @param after milliseconds since the action that brought it, if there was one just before
   */
  show(intervention: Intervention, after: number | null): void {
    const offer = OFFERS[intervention.name] ?? {
      icon: "bell",
      title: intervention.name,
      text: "Somebody has sent you this intervention directly.",
    };
    const banner = h(
      "article",
      { class: "banner", "data-intervention": intervention.name },
      h("span", { class: "badge" }, icon(offer.icon)),
      h(
        "div",
        { class: "banner-text" },
        h("h2", {}, offer.title),
        h("p", {}, offer.text),
        h("p", { class: "why" }, this.why(intervention, after)),
      ),
      h("button", { class: "quiet", type: "button", "aria-label": `Close: ${offer.title}`, onclick: () => banner.remove() }, icon("close")),
    );
    this.element.prepend(banner);
  }

  private why(intervention: Intervention, after: number | null): HTMLElement {
    const rule = this.rules.find((one) => one.name === intervention.name);
    const [name, value] = Object.entries(intervention.attributes)[0] ?? ["", ""];
    const cause = rule
      ? `${rule.attribute} ${String(value)} ${rule.operator} ${rule.value}`
      : `${name} ${String(value)}`.trim();
    return h("span", {}, cause ? h("code", {}, cause) : null, after === null ? null : `${cause ? " · " : ""}${Math.round(after)} ms after your click`);
  }
}
