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
    title: "A tenth off",
    text: "You have looked around for a while. Whatever you choose now is 10\u00a0% less.",
  },
  cart_abandonment: {
    icon: "clock",
    title: "Take your time",
    text: "Your cart waits for you here, and the prices in it stay.",
  },
  free_shipping: {
    icon: "parcel",
    title: "Shipping is on us",
    text: "You have chosen more than €100 worth, so we bring it for nothing.",
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
      h("button", { class: "quiet", type: "button", "aria-label": `Close: ${offer.title}`, onclick: () => this.close(banner) }, icon("close")),
    );
    this.element.prepend(banner);
    this.tellHowMany();
  }

  private close(banner: HTMLElement): void {
    banner.remove();
    this.tellHowMany();
  }

  /** On a narrow screen the newest lies on top of the others, and says how many there are. */
  private tellHowMany(): void {
    const others = this.element.querySelectorAll(".banner").length - 1;
    this.element.dataset["more"] = others > 0 ? `and ${others} more` : "";
  }

  private why(intervention: Intervention, after: number | null): HTMLElement {
    const rule = this.rules.find((one) => one.name === intervention.name);
    const [name, text] = Object.entries(intervention.attributes)[0] ?? ["", ""];
    const cause = rule
      ? `${rule.attribute} ${Number(text)}\u00a0${rule.operator}\u00a0${rule.value}`
      : `${name} ${String(text)}`.trim();
    const speed = after === null ? null : h("span", {}, `${Math.round(after)} ms after your click`);
    return h("span", {}, cause ? h("code", {}, cause) : null, speed);
  }
}
