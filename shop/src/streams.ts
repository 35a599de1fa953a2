/**
 * Tells when the stream of interventions is open.
 *
 * What a rule sends goes to whoever is subscribed at that moment, and the plugin does not say when that is. So the
 * page looks at the browser's own class for such streams, which the plugin uses.
 */

const PATIENCE_MS = 1_500;
const waiting: Array<() => void> = [];

class WatchedEventSource extends EventSource {
  constructor(url: string | URL, options?: EventSourceInit) {
    super(url, options);
    this.addEventListener("open", () => waiting.splice(0).forEach((resolve) => resolve()), { once: true });
  }
}

window.EventSource = WatchedEventSource;

/** Resolves when the next stream is open, or after a while without one: events are worth more than banners. */
export function nextStream(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    window.setTimeout(resolve, PATIENCE_MS);
  });
}
