/** What this browser keeps of one visitor: the cart, the offers that came, and who is signed in. */

import { productOf, type Product } from "./products";

interface Kept {
  cart: Record<string, number>;
  offers: string[];
  userId: string | null;
}

export interface Line {
  product: Product;
  quantity: number;
}

const FRESH: Kept = { cart: {}, offers: [], userId: null };

/** Everything is under one key in the browser's storage, so that a new visitor finds nothing of the last one. */
export class Visitor {
  static readonly KEY = "firn.visitor";
  private readonly kept: Kept;
  private readonly listeners: Array<() => void> = [];

  constructor(private readonly storage: Storage) {
    this.kept = { ...structuredClone(FRESH), ...read(storage) };
  }

  /** Call a function after every change. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  get userId(): string | null {
    return this.kept.userId;
  }

  signIn(): string {
    this.kept.userId ??= crypto.randomUUID();
    this.changed();
    return this.kept.userId;
  }

  lines(): Line[] {
    return Object.entries(this.kept.cart).flatMap(([id, quantity]) => {
      const product = productOf(id);
      return product ? [{ product, quantity }] : [];
    });
  }

  count(): number {
    return this.lines().reduce((sum, line) => sum + line.quantity, 0);
  }

  cents(): number {
    return this.lines().reduce((sum, line) => sum + line.quantity * line.product.cents, 0);
  }

  add(product: Product): void {
    this.kept.cart[product.id] = (this.kept.cart[product.id] ?? 0) + 1;
    this.changed();
  }

  removeOne(product: Product): void {
    const left = (this.kept.cart[product.id] ?? 0) - 1;
    if (left > 0) {
      this.kept.cart[product.id] = left;
    } else {
      delete this.kept.cart[product.id];
    }
    this.changed();
  }

  hasOffer(name: string): boolean {
    return this.kept.offers.includes(name);
  }

  takeOffer(name: string): void {
    if (!this.hasOffer(name)) {
      this.kept.offers.push(name);
      this.changed();
    }
  }

  /** Forget everything, without telling anybody: the page is about to be loaded anew. */
  forget(): void {
    this.storage.removeItem(Visitor.KEY);
  }

  private changed(): void {
    this.storage.setItem(Visitor.KEY, JSON.stringify(this.kept));
    this.listeners.forEach((listener) => listener());
  }
}

function read(storage: Storage): Partial<Kept> {
  try {
    return JSON.parse(storage.getItem(Visitor.KEY) ?? "{}") as Partial<Kept>;
  } catch {
    return {};
  }
}
