/**
 * A page with the vendor's tracker and plugins. The query says where the collector is and how events go there; which
 * events were handed to the tracker is kept for the test, in the tab, so that it is there when the page has gone.
 */

import { enableFormTracking, FormTrackingPlugin } from "@snowplow/browser-plugin-form-tracking";
import { enableLinkClickTracking, LinkClickTrackingPlugin } from "@snowplow/browser-plugin-link-click-tracking";
import { PerformanceNavigationTimingPlugin } from "@snowplow/browser-plugin-performance-navigation-timing";
import * as ecommerce from "@snowplow/browser-plugin-snowplow-ecommerce";
import { disableActivityTracking, enableActivityTracking, newTracker, setUserId, trackPageView, trackSelfDescribingEvent } from "@snowplow/browser-tracker";
import { onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";

// High enough to be scrolled.
document.querySelector("main").style.minHeight = "300vh";

const options = JSON.parse(new URLSearchParams(location.search).get("options"));

const remember = {
  afterTrack(payload) {
    const sent = JSON.parse(sessionStorage.getItem("sent") ?? "[]");
    sessionStorage.setItem("sent", JSON.stringify([...sent, [payload.eid, payload.e]]));
  },
};

newTracker("page", options.collector, {
  ...options.tracker,
  cookieSameSite: "Lax",
  contexts: { webPage: true, session: true, browser: true },
  plugins: [
    ecommerce.SnowplowEcommercePlugin(),
    FormTrackingPlugin(),
    LinkClickTrackingPlugin(),
    PerformanceNavigationTimingPlugin(),
    remember,
  ],
});
setUserId("user-1");
enableActivityTracking({ minimumVisitLength: 1, heartbeatDelay: 1 });
window.stopPinging = disableActivityTracking;
enableLinkClickTracking({ trackContent: true });
enableFormTracking();
document.getElementById("newsletter").addEventListener("submit", (submitted) => submitted.preventDefault());
trackPageView();

// The plugin for web vitals does the same with the same library: it tells them once, when the page is left.
const vitals = {};
for (const [name, observe] of Object.entries({ cls: onCLS, fcp: onFCP, inp: onINP, lcp: onLCP, ttfb: onTTFB })) {
  observe((metric) => Object.assign(vitals, { [name]: metric.value, navigationType: metric.navigationType }));
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") {
    const schema = "iglu:com.snowplowanalytics.snowplow/web_vitals/jsonschema/1-0-0";
    trackSelfDescribingEvent({ event: { schema, data: vitals } });
  }
});

const lamp = { id: "lampe-ø", name: "Lamp", category: "light/desk", price: 39.9, list_price: 45, quantity: 2, position: 1, currency: "NOK" };
const cart = { cart_id: "c-1", total_value: 79.8, currency: "NOK", products: [lamp] };
const promotion = { id: "p-1", name: "Spring", product_ids: [lamp.id], position: 1, type: "banner", slot: "top" };
const transaction = { transaction_id: "t-1", revenue: 79.8, currency: "NOK", payment_method: "card", total_quantity: 2, tax: 15.96 };

/** Every action that the ecommerce plugin knows, each once. */
window.shopEverything = () => {
  ecommerce.setPageType({ type: "product", language: "nb", locale: "NO" });
  ecommerce.setEcommerceUser({ id: "user-1", is_guest: false, email: "a@example.com" });
  ecommerce.trackProductView(lamp);
  ecommerce.trackProductListView({ name: "lamps", products: [lamp, { ...lamp, id: "kettle" }] });
  ecommerce.trackProductListClick({ name: "lamps", product: lamp });
  ecommerce.trackPromotionView(promotion);
  ecommerce.trackPromotionClick(promotion);
  ecommerce.trackAddToCart(cart);
  ecommerce.trackRemoveFromCart(cart);
  ecommerce.trackCheckoutStep({ step: 1, delivery_method: "pickup", account_type: "guest", marketing_opt_in: false });
  ecommerce.trackTransaction({ ...transaction, products: [lamp] });
  // Without products: the plugin would leave them in the transaction, whose schema does not know them.
  ecommerce.trackTransactionError({ error_code: "E1", error_type: "hard", resolution: "again", transaction });
  ecommerce.trackRefund({ transaction_id: "t-1", currency: "NOK", refund_amount: 39.9, refund_reason: "broken", products: [lamp] });
};
