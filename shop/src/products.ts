/** What the shop sells. Prices are whole cents, so that sums are exact. */

export const CURRENCY = "EUR";

export interface Product {
  id: string;
  name: string;
  category: string;
  cents: number;
  line: string;
  text: string;
}

export const PRODUCTS: readonly Product[] = [
  {
    id: "lantern",
    name: "Storm lantern",
    category: "outdoor/light",
    cents: 4_500,
    line: "Steel and glass, burns a whole night",
    text: "A lantern that stays lit when the wind gets up. The globe lifts with one thumb, the wick trims itself to a clean flame, and a full tank lasts from dusk until breakfast.",
  },
  {
    id: "blanket",
    name: "Wool blanket",
    category: "home/textiles",
    cents: 8_900,
    line: "Undyed lambswool, 140 × 200 cm",
    text: "Woven from the wool of sheep that were this colour to begin with. Heavy enough to feel, light enough to take along, and only better for being used.",
  },
  {
    id: "moka",
    name: "Moka pot",
    category: "kitchen/coffee",
    cents: 3_400,
    line: "Six cups, for hob or camp fire",
    text: "Eight sides, a good seal and a handle that stays cool. It makes six small strong cups and needs nothing but water, coffee and a little patience.",
  },
  {
    id: "kettle",
    name: "Gooseneck kettle",
    category: "kitchen/coffee",
    cents: 5_200,
    line: "Pours slowly, exactly where you want",
    text: "The narrow spout lets you draw circles with hot water. Brushed steel, one litre, with a lid that stays on when you tip it right over.",
  },
  {
    id: "cup",
    name: "Enamel cup",
    category: "outdoor/kitchen",
    cents: 1_800,
    line: "Chips look good on it",
    text: "Thin steel under two coats of enamel. It takes a fire, a fall and the dishwasher. Holds three hundred millilitres of whatever keeps you warm.",
  },
  {
    id: "tent",
    name: "Two-person tent",
    category: "outdoor/shelter",
    cents: 18_900,
    line: "Stands in four minutes, 2.1 kg",
    text: "Two poles, two doors, and room to sit up. The fly goes on first, so the inside stays dry even if you arrive with the rain.",
  },
  {
    id: "lamp",
    name: "Desk lamp",
    category: "home/light",
    cents: 6_800,
    line: "Warm light on a sprung arm",
    text: "An arm that stays where you leave it, and a shade that keeps the light out of your eyes. Dims with a turn of the base.",
  },
  {
    id: "flask",
    name: "Steel flask",
    category: "outdoor/kitchen",
    cents: 3_200,
    line: "Hot until the evening",
    text: "Two walls of steel with nothing between them. Tea poured in at breakfast burns your tongue at noon and still warms you at dusk. The lid is the cup.",
  },
  {
    id: "compass",
    name: "Field compass",
    category: "outdoor/navigation",
    cents: 2_600,
    line: "Settles in two seconds",
    text: "A needle in oil, a base you can lay on the map, and a lid with a sighting line. It works where telephones stop.",
  },
];

const byId = new Map(PRODUCTS.map((product) => [product.id, product]));

export function productOf(id: string): Product | undefined {
  return byId.get(id);
}
