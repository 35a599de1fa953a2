/** What the server knows of the visitor: attributes, how far each rule is, and the events that were sent. */

import type { Config, Rule } from "./config";
import { h } from "./dom";
import type { Attributes } from "./profile";

const LABELS: Record<string, string> = {
  count_product_views: "Products viewed",
  count_add_to_cart: "Added to the cart",
  total_cart_value: "Value added, in euros",
};
const EVENTS_SHOWN = 6;

interface Row {
  rule: Rule;
  value: HTMLElement;
  meter: HTMLProgressElement;
  status: HTMLElement;
}

export class Panel {
  readonly element: HTMLElement;
  private readonly rows: Row[];
  private readonly events = h("ol", { class: "events" });
  private readonly speed = h("p", { class: "muted speed" }, "Each value as the server has it now.");
  private readonly trouble = h("p", { class: "trouble", role: "status" });
  private before: Attributes = {};
  private known = false;

  constructor(config: Config, identity: HTMLElement) {
    this.rows = config.rules.map(row);
    this.element = h(
      "section",
      { class: "panel", "aria-labelledby": "panel-title" },
      h("h2", { id: "panel-title" }, "What Snowmelt knows of you"),
      identity,
      this.trouble,
      h("ul", { class: "attributes" }, ...this.rows.map(drawn)),
      this.speed,
      h("h3", {}, "Events sent"),
      this.events,
    );
  }

  /**
   * Show the values that were just read.
   *
   * @param after milliseconds since the visitor's last action, null if there was none lately
   */
  show(attributes: Attributes | null, after: number | null): void {
    this.trouble.textContent = attributes ? "" : "The server does not answer. The demo may have ended.";
    if (!attributes) {
      return;
    }
    for (const { rule, value, meter } of this.rows) {
      const present = attributes[rule.attribute] ?? 0;
      value.textContent = shown(present);
      // A rule asks for more than its value; the bar is full where it begins to hold.
      meter.value = Math.min(present, meter.max);
      if (this.known && present !== (this.before[rule.attribute] ?? 0)) {
        if (after !== null) {
          this.speed.textContent = `Last change read ${Math.round(after)} ms after your click.`;
        }
        value.classList.remove("changed");
        void value.offsetWidth; // begins the animation anew
        value.classList.add("changed");
      }
    }
    this.before = attributes;
    this.known = true;
  }

  /** A rule has sent its offer. */
  sent(name: string): void {
    for (const { rule, status } of this.rows) {
      if (rule.name === name) {
        status.textContent = "sent";
        status.classList.add("done");
      }
    }
  }

  event(name: string): void {
    const time = new Date().toLocaleTimeString("en-GB");
    this.events.prepend(h("li", {}, h("code", {}, name), h("time", { class: "muted number" }, time)));
    while (this.events.children.length > EVENTS_SHOWN) {
      this.events.lastElementChild?.remove();
    }
  }
}

function row(rule: Rule): Row {
  const whole = rule.attribute.startsWith("count_");
  return {
    rule,
    value: h("output", { class: "value number", "data-attribute": rule.attribute }, "–"),
    meter: h("progress", { max: whole ? rule.value + 1 : rule.value, value: 0, "aria-label": `How near the rule ${rule.name} is` }),
    status: h("span", { class: "status" }, "waiting"),
  };
}

function drawn({ rule, value, meter, status }: Row): HTMLElement {
  return h(
    "li",
    {},
    h("div", { class: "attribute" }, h("span", {}, LABELS[rule.attribute] ?? rule.attribute), value),
    meter,
    h("div", { class: "rule" }, h("span", {}, h("strong", {}, rule.name), ` when more than ${rule.value}`), status),
  );
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
