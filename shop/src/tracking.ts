/** The real tracker, with the plugins for ecommerce events and for interventions. */

import { SnowplowEcommercePlugin, trackAddToCart, trackProductView, trackRemoveFromCart } from "@snowplow/browser-plugin-snowplow-ecommerce";
import { clearUserData, newTracker, setUserId, trackPageView, type BrowserTracker } from "@snowplow/browser-tracker";
import { SignalsPlugin, subscribeToInterventions, type Intervention } from "@snowplow/signals-browser-plugin";
import { CURRENCY, type Product } from "./products";
import { nextStream } from "./streams";

const TRACKER = "firn";

export interface Listeners {
  /** An event has been handed to the tracker. */
  tracked(name: string, at: number): void;
  /** The server has sent an intervention to this visitor. */
  received(intervention: Intervention): void;
}

/** Nothing is tracked before the stream is open: what an event brings would find nobody there. */
export class Tracking {
  private readonly tracker: BrowserTracker;
  private open = nextStream();

  constructor(
    private readonly server: string,
    userId: string | null,
    listeners: Listeners,
  ) {
    const watch = { afterTrack: (payload: Record<string, unknown>) => listeners.tracked(eventName(payload), performance.now()) };
    const signals = SignalsPlugin({ handlers: { banner: listeners.received } });
    const tracker = newTracker(TRACKER, server, {
      appId: "firn",
      cookieSameSite: "Lax",
      // Readable payloads: this page is for looking at.
      encodeBase64: false,
      plugins: [SnowplowEcommercePlugin(), signals, watch],
    });
    if (!tracker) {
      throw new Error("there is a tracker of this name already");
    }
    this.tracker = tracker;
    if (userId) {
      setUserId(userId);
    }
    this.subscribe(userId);
  }

  /** The identifier that the tracker gave this browser. */
  get domainUserId(): string {
    return this.tracker.getDomainUserId();
  }

  page(title: string): void {
    this.track(() => trackPageView({ title }));
  }

  view(product: Product): void {
    this.track(() => trackProductView(entity(product)));
  }

  add(product: Product, totalCents: number): void {
    this.track(() => trackAddToCart(cart(product, totalCents)));
  }

  remove(product: Product, totalCents: number): void {
    this.track(() => trackRemoveFromCart(cart(product, totalCents)));
  }

  /** From now on events and the subscription name the user too. */
  signIn(userId: string): void {
    setUserId(userId);
    this.open = nextStream();
    this.subscribe(userId);
  }

  /** Forget the visitor; the tracker gives another identifier when the page is loaded again. */
  forget(): void {
    clearUserData();
  }

  private track(action: () => void): void {
    void this.open.then(action);
  }

  private subscribe(userId: string | null): void {
    subscribeToInterventions({ endpoint: this.server, attributeKeyIds: userId ? { user_id: userId } : {} });
  }
}

function entity(product: Product) {
  const { id, name, category } = product;
  return { id, name, category, price: product.cents / 100, currency: CURRENCY };
}

function cart(product: Product, totalCents: number) {
  return { products: [{ ...entity(product), quantity: 1 }], total_value: totalCents / 100, currency: CURRENCY };
}

const PLAIN: Record<string, string> = { pv: "page_view", pp: "page_ping", se: "struct" };

/** What an event is called, from the tracker's payload: for ecommerce actions, the action. */
function eventName(payload: Record<string, unknown>): string {
  const kind = String(payload["e"]);
  if (kind !== "ue") {
    return PLAIN[kind] ?? kind;
  }
  const event = JSON.parse(String(payload["ue_pr"])) as { data: { schema: string; data: { type?: string } } };
  const name = event.data.schema.split("/")[1] ?? "unstruct";
  return name === "snowplow_ecommerce_action" && event.data.data.type ? event.data.data.type : name;
}
