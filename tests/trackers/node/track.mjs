// Tracks every kind of event that the vendor's tracker for Node can, and prints one JSON line for each:
// what it calls the event, and its id.
import { createRequire } from "node:module";

const tracking = createRequire(process.env.PACKAGES)("@snowplow/node-tracker");
const shop = "iglu:com.snowplowanalytics.snowplow.ecommerce";
const context = [
  { schema: `${shop}/product/jsonschema/1-0-0`, data: { id: "lampe-ø", category: "lys", price: 39.9, currency: "NOK" } },
  { schema: `${shop}/cart/jsonschema/1-0-0`, data: { total_value: 39.9, currency: "NOK" } },
];
const product = { sku: "lamp", name: "Lamp", category: "light", unitPrice: 39.9, quantity: 2, currency: "NOK" };

const kinds = {
  page_view: () => tracking.buildPageView({ pageUrl: "https://shop.example/å?q={x}", pageTitle: "Å ☃", referrer: "https://www.google.com/" }),
  page_ping: () => tracking.buildPagePing({ pageUrl: "https://shop.example/", minXOffset: 0, maxXOffset: 7, minYOffset: 1, maxYOffset: 9 }),
  event: () => tracking.buildStructEvent({ category: "shop", action: "buy", label: "l", property: "p", value: 12.5 }),
  transaction: () => tracking.buildEcommerceTransaction({ orderId: "o-1", total: 99.9, tax: 9, shipping: 0, city: "Oslo", country: "Norway", currency: "NOK" }),
  transaction_item: () => tracking.buildEcommerceTransactionItem({ orderId: "o-1", sku: "lamp", name: "Lamp", price: 33.3, quantity: 3, currency: "NOK" }),
  snowplow_ecommerce_action: () =>
    tracking.buildSelfDescribingEvent({ event: { schema: `${shop}/snowplow_ecommerce_action/jsonschema/1-0-2`, data: { type: "add_to_cart" } } }),
  screen_view: () => tracking.buildScreenView({ id: "s-1", name: "home" }),
  link_click: () => tracking.buildLinkClick({ targetUrl: "https://a.example/", elementId: "a", elementClasses: ["b"] }),
  ad_impression: () => tracking.buildAdImpression({ impressionId: "i", costModel: "cpc", cost: 1.5, bannerId: "b" }),
  ad_click: () => tracking.buildAdClick({ targetUrl: "https://a.example/", clickId: "c", costModel: "cpc", cost: 1.5 }),
  ad_conversion: () => tracking.buildAdConversion({ conversionId: "c", costModel: "cpa", cost: 2, initialValue: 3 }),
  social_interaction: () => tracking.buildSocialInteraction({ action: "like", network: "acme", target: "page" }),
  add_to_cart: () => tracking.buildAddToCart(product),
  remove_from_cart: () => tracking.buildRemoveFromCart(product),
  change_form: () => tracking.buildFormFocusOrChange({ schema: "change_form", formId: "f", elementId: "e", nodeName: "INPUT", type: "text", value: "v" }),
  submit_form: () => tracking.buildFormSubmission({ formId: "f", elements: [{ name: "a", value: "b", nodeName: "INPUT" }] }),
  site_search: () => tracking.buildSiteSearch({ terms: ["lamp", "desk"], totalResults: 7 }),
};

for (const eventMethod of ["post", "get"]) {
  for (const encodeBase64 of [true, false]) {
    const failed = [];
    const tracker = tracking.newTracker(
      { namespace: "node", appId: "shop", encodeBase64 },
      { endpoint: process.env.COLLECTOR, eventMethod, bufferSize: 5, onRequestFailure: (data) => failed.push(data) },
    );
    tracker.setDomainUserId("visitor-1");
    tracker.setUserId("user-1");
    tracker.setSessionId("0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11");
    tracker.setSessionIndex(3);
    tracker.setViewport(1200, 800);
    tracker.setScreenResolution(1920, 1080);
    tracker.setColorDepth(24);
    tracker.setTimezone("Europe/Oslo");
    tracker.setLang("nb");
    tracker.setIpAddress("203.0.113.9");
    tracker.setUseragent("Mozilla/5.0 (X11; Linux x86_64)");
    for (const [name, build] of Object.entries(kinds)) {
      const sent = tracker.track(build(), context);
      console.log(JSON.stringify([name, sent.eid]));
    }
    await tracker.flush();
    if (failed.length) {
      console.error(failed);
      process.exit(1);
    }
  }
}
