"""Generated accounts: what `kansatsu import` takes comes out of GetAccountAuthorizationDetails as the same document.

Lists are compared in the order of their names, and an empty one is as good as none.
"""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.services.kansatsu.authorization_details import loaded

from .conftest import Gateway
from .generated_accounts import Drawn, Owner, Policy, accounts, document, ordered
from .test_import import Account


def exported(account: Account) -> dict[str, Any]:
    """All pages, without the administrator and AWS's policies."""
    found: dict[str, Any] = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    for page in account.iam.get_paginator("get_account_authorization_details").paginate():
        for name in found:
            found[name] += page[name]
    found["UserDetailList"] = [user for user in found["UserDetailList"] if user["UserName"] != "admin"]
    found["Policies"] = [each for each in found["Policies"] if not each["Arn"].startswith("arn:aws:iam::aws:")]
    return dict(json.loads(json.dumps(found, default=datetime.isoformat)))


def goes_through(gateway: Gateway, drawn: Drawn) -> None:
    account = Account(gateway)
    went_in = document(drawn, account.id)
    account.take(went_in)
    assert ordered(exported(account)) == ordered(went_in)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(accounts().filter(lambda drawn: drawn.policies or drawn.groups or drawn.users or drawn.roles))
def test_what_comes_out_is_what_went_in(gateway: Gateway, drawn: Drawn) -> None:
    goes_through(gateway, drawn)


def test_an_account_of_many_pages(gateway: Gateway) -> None:
    text = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    own = Policy("own", "/", "2020-01-02T03:04:05+00:00", None, {1: text}, 1)
    roles = [
        Owner(f"r{number}", path=f"/p{number % 7}/", tags={"number": f"{number}"}, inline={"in": text},
              attached=(0,) if number % 2 else (), boundary=0 if number % 3 else None, profiles=(f"p{number}",))
        for number in range(400)
    ]  # fmt: skip
    users = [Owner(f"u{number}", groups=("staff",)) for number in range(30)]
    goes_through(gateway, Drawn([own], [Owner("staff", attached=("ReadOnlyAccess",))], users, roles))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.sampled_from([None, 1, "\t"]), st.data())
def test_a_document_is_read_piece_by_piece_as_it_is_read_whole(given: Any, indent: Any, data: st.DataObject) -> None:
    text = json.dumps(given, indent=indent)
    assert loaded(text) == given
    at = data.draw(st.integers(0, len(text)))
    broken = text[:at] + data.draw(st.sampled_from(["", *'{}[],:" 1x'])) + text[at + 1 :]
    try:
        expected = json.loads(broken)
        json.dumps(expected, ensure_ascii=False).encode()  # half a character is nothing that can be kept
    except ValueError:
        expected = None
    if isinstance(expected, dict):
        assert loaded(broken) == expected
    else:
        with pytest.raises(ValueError):
            loaded(broken)
