"""The suite of the orders application; it says nothing of policies but where the one of its role is."""

import pytest
from orders import Shop

pytestmark = pytest.mark.kansatsu_role(policy="policy.json")


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_place(shop: Shop) -> None:
    assert shop.place("ada", "lamp", 1).amount == 1


def test_find(shop: Shop) -> None:
    order = shop.place("ada", "lamp", 2)
    assert shop.find(order.id) == order


def test_nothing_is_found(shop: Shop) -> None:
    assert shop.find("none") is None


def test_invoice(shop: Shop) -> None:
    order = shop.place("grace", "clock", 3)
    invoice = shop.invoice(order.id)
    assert invoice["customer"] == "grace"
    assert len(invoice["signature"]) == 64


def test_placed(shop: Shop) -> None:
    while shop.placed():
        pass
    order = shop.place("alan", "bicycle", 1)
    assert shop.placed() == order.id


def test_cancel(shop: Shop) -> None:
    order = shop.place("alan", "tea", 5)
    shop.cancel(order.id)
    shop.invoice(order.id)
