"""A small shop. Every tool declares what its calls read and write, and the declarations are right.

    asyncfc check examples/03_inventory.tools.py

says that no two calls which may run at once by these declarations could be told apart. State is kept in module-level
dicts, which the check can compare and put back; so it needs no hooks.
"""

from asyncfc_sim import tool

PRICES = {"lamp": 30, "desk": 200}  # never changes, so no declaration speaks of it
STOCK = {"lamp": 5, "desk": 2}
ORDERS: dict[int, dict[str, object]] = {}


@tool(reads=[])
def get_price(item: str) -> int:
    return PRICES[item]


@tool(reads=["stock:{item}"])
def get_stock(item: str) -> int:
    return STOCK.get(item, 0)


@tool(writes=["stock:{item}"])
def restock(item: str, count: int) -> int:
    STOCK[item] = STOCK.get(item, 0) + count
    return STOCK[item]


# The number of an order depends on how many there are, so placing one concerns all orders.
@tool(writes=["stock:{item}", "orders:*"])
def place_order(item: str, count: int = 1) -> int:
    if STOCK.get(item, 0) < count:
        raise ValueError(f"not enough of {item!r}")
    STOCK[item] -= count
    number = len(ORDERS) + 1
    ORDERS[number] = {"item": item, "count": count, "state": "placed"}
    return number


@tool(reads=["orders:{number}"])
def get_order(number: int) -> dict[str, object]:
    return ORDERS[number]


# Which stock it gives back, only the order knows: the arguments do not.
@tool(writes=["orders:{number}", "stock:*"])
def cancel_order(number: int) -> None:
    order = ORDERS[number]
    if order["state"] == "placed":
        order["state"] = "cancelled"
        STOCK[str(order["item"])] += int(str(order["count"]))


@tool(reads=["orders:*"])
def list_orders() -> list[int]:
    return sorted(ORDERS)
