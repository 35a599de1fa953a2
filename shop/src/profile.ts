/** The visitor's attributes as the server knows them, read from a public service without a token. */

import type { Config } from "./config";

export type Attributes = Record<string, number | null>;

const SOON_MS = 60;
const SELDOM_MS = 2_000;
const EAGER_MS = 3_000;

/** Reads again and again: often after something was tracked, seldom otherwise, never while nobody looks. */
export class Profile {
  private eagerUntil = 0;
  private timer: number | undefined;

  constructor(
    private readonly config: Config,
    private readonly identifier: () => string,
    private readonly show: (attributes: Attributes | null) => void,
  ) {
    document.addEventListener("visibilitychange", () => this.lookSoon());
  }

  /** Something was tracked: the values are about to change. */
  lookSoon(): void {
    this.eagerUntil = performance.now() + EAGER_MS;
    this.wait(SOON_MS);
  }

  private wait(milliseconds: number): void {
    window.clearTimeout(this.timer);
    this.timer = document.hidden ? undefined : window.setTimeout(() => void this.look(), milliseconds);
  }

  private async look(): Promise<void> {
    try {
      this.show(await this.read());
    } catch {
      this.show(null);
    }
    this.wait(performance.now() < this.eagerUntil ? SOON_MS : SELDOM_MS);
  }

  private async read(): Promise<Attributes> {
    const answer = await fetch(`${this.config.server}/api/v1/get-online-attributes`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        service: this.config.service,
        attribute_keys: { [this.config.attributeKey]: [this.identifier()] },
      }),
    });
    if (!answer.ok) {
      throw new Error(`reading attributes: ${answer.status}`);
    }
    const columns = (await answer.json()) as Record<string, Array<number | null>>;
    return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[0] ?? null]));
  }
}
