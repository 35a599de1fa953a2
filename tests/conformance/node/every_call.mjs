// Every call of the vendor's client for Node; prints [call, result] lines, like every_call.py beside it.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { Signals } = createRequire(process.env.PACKAGES)("@snowplow/signals-node");
const signals = new Signals({ baseUrl: process.env.SIGNALS_URL, sandboxToken: process.env.SIGNALS_TOKEN });
const { SERVICE, GROUP, VISITOR, STRANGER } = process.env;
const domainUser = { attribute_key: "domain_userid", identifier: VISITOR };

async function call(name, action, expected) {
  let result = "works";
  try {
    assert.deepEqual(await action(), expected);
  } catch (error) {
    result = String(error.message);
  }
  console.log(JSON.stringify([name, result]));
}

async function refusal(action) {
  try {
    await action();
  } catch (error) {
    return String(error.message).match(/\b[45]\d\d\b/)?.[0];
  }
  return undefined;
}

await call("getServiceAttributes", () => signals.getServiceAttributes({ name: SERVICE, ...domainUser }), {
  carts: 2,
  spent: 30.75,
});
await call(
  "getBatchServiceAttributes",
  () => signals.getBatchServiceAttributes({ name: SERVICE, attribute_key: "domain_userid", identifiers: [VISITOR, STRANGER] }),
  { carts: [2, null], spent: [30.75, null] },
);
await call(
  "getGroupAttributes",
  () => signals.getGroupAttributes({ name: GROUP, version: 1, attributes: ["spent"], ...domainUser }),
  { spent: 30.75 },
);
await call(
  "refused: an unknown service (404)",
  () => refusal(() => signals.getServiceAttributes({ name: "absent", ...domainUser })),
  "404",
);
const prototype = Object.getPrototypeOf(Object.getPrototypeOf(signals));
const calls = Object.getOwnPropertyNames(prototype).filter((name) => name.startsWith("get"));
console.log(JSON.stringify(["end", calls]));
