"""What the made-up shop sells, and who comes to it."""

import random
from dataclasses import dataclass

CURRENCY = "EUR"
SHOP = "https://shop.example"

_SHELVES = {
    "home/lighting": ("Desk lamp", "Floor lamp", "Lantern", "String lights"),
    "home/textiles": ("Wool blanket", "Linen curtain", "Cushion", "Rug"),
    "kitchen/coffee": ("Moka pot", "Hand grinder", "Gooseneck kettle", "Cup and saucer"),
    "outdoor/camp": ("Two-person tent", "Sleeping bag", "Camp stove", "Water filter"),
}

# fmt: off
NAMES = (
    "Aino", "Bilal", "Chiara", "Dmitri", "Emeka", "Freya", "Goran", "Hana", "Idris", "Jonas", "Keiko",
    "Lucia", "Mateo", "Nadia", "Omar", "Priya", "Quentin", "Rosa", "Sven", "Tomoko", "Ulrika", "Viktor", "Wanjiru",
    "Ximena", "Yusuf", "Zofia",
)
# fmt: on


@dataclass(frozen=True)
class Product:
    """Something to buy.

    Args:
        sku: its id.
        name: for people.
        category: its shelf, levels separated by ``/``.
        cents: its price in hundredths of the currency; whole, so that expected totals are exact.
    """

    sku: str
    name: str
    category: str
    cents: int

    @property
    def url(self) -> str:
        """Its page."""
        return f"{SHOP}/products/{self.sku.lower()}"

    def entity(self) -> dict[str, object]:
        """The data of the tracker's product entity.

        >>> Product("SKU-7", "Rug", "home/textiles", 1999).entity()["price"]
        19.99
        """
        return {
            "id": self.sku,
            "name": self.name,
            "category": self.category,
            "price": self.cents / 100,
            "currency": CURRENCY,
        }


def stock(rng: random.Random) -> list[Product]:
    """All products, at prices that the random numbers give."""
    products = [(category, name) for category, names in _SHELVES.items() for name in names]
    return [
        Product(f"SKU-{number:03d}", name, category, rng.randrange(199, 29_999))
        for number, (category, name) in enumerate(products, start=1)
    ]


def visitor_name(number: int) -> str:
    """A name for a visitor, from 0; none comes twice.

    >>> visitor_name(0), visitor_name(26)
    ('Aino', 'Aino 2')
    """
    turn, index = divmod(number, len(NAMES))
    return NAMES[index] if turn == 0 else f"{NAMES[index]} {turn + 1}"
