"""Two ways of writing an identifier are one token, and two identifiers never are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.landing.contract import Column, IdentifierBy, IdentifierKind
from orchestration.landing.identifier_rules import GLOBAL, SCOPED, email, phone, words
from orchestration.landing.identifiers import UnknownIdentifierTypeError, token, tokenise
from orchestration.settings import DEMO_IDENTITY_KEY
from orchestration.sources.config import SourceConfig
from tests.unit.landing.conftest import CONTRACTS, SOURCE, Shop

ALL_RULES = {**GLOBAL, **SCOPED}


@pytest.mark.parametrize(
    "written",
    ["(315) 555-0029", "315-555-0029", "315.555.0029", "+1 315 555 0029", "1 315 5550029"],
)
def test_a_telephone_number_is_the_same_however_it_is_written(written: str) -> None:
    assert phone(written, "US") == "+13155550029"


@pytest.mark.parametrize("written", ["n/a", "", "12", "call me", "+", "1" * 40])
def test_what_cannot_be_a_telephone_number_is_none(written: str) -> None:
    assert phone(written, "US") is None


@pytest.mark.parametrize(
    "written, normalised",
    [
        (" Ada.Lovelace+News@Example.COM ", "ada.lovelace+news@example.com"),
        ("ada@example.com.", "ada@example.com"),
        ("ａｄａ@ｅｘａｍｐｌｅ.com", "ada@example.com"),  # noqa: RUF001 (full width on purpose)
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@example", "ada@example"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(written: str, normalised: str) -> None:
    assert email(written) == normalised


@pytest.mark.parametrize("written", ["n/a", "@example.com", "ada@", "a da@example.com", "a@b@c"])
def test_what_cannot_be_an_address_is_none(written: str) -> None:
    assert email(written) is None


@pytest.mark.parametrize("name", sorted(ALL_RULES))
@given(raw=st.text(max_size=40))
def test_a_normalised_value_is_not_changed_again(name: str, raw: str) -> None:
    region = "US" if name == "phone" else None
    once = ALL_RULES[name](raw, region)
    if once is not None:
        assert ALL_RULES[name](once, region) == once


def test_types_and_scopes_keep_equal_values_apart() -> None:
    of_a, of_b = (
        tokenise("shop_customer", ["7"], "k", scope=scope)[0].token
        for scope in ("shop_a", "shop_b")
    )
    of_crm = tokenise("crm_contact", ["7"], "k", scope="shop_a")[0].token
    assert len({of_a, of_b, of_crm}) == 3


def test_a_card_has_the_token_it_always_had() -> None:
    assert token("loyalty_card", "4711", DEMO_IDENTITY_KEY) == (
        tokenise("loyalty_card", ["47-11"], DEMO_IDENTITY_KEY)[0].token
    )


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"identifier_type": "shoe_size"}, "has no normalisation rule"),
        ({"identifier_type": "cookie"}, "needs `identifier_scope`"),
        ({"identifier_type": "email", "scope": "shop"}, "takes no `identifier_scope`"),
        ({"identifier_type": "phone"}, "needs `identifier_region`"),
        ({"identifier_type": "email", "region": "US"}, "takes no `identifier_region`"),
    ],
)
def test_a_wrong_declaration_is_told(arguments: dict[str, str], said: str) -> None:
    with pytest.raises(UnknownIdentifierTypeError, match=said):
        tokenise(raw_values=["x"], key="k", **arguments)


@given(st.text(max_size=60))
def test_words_have_one_form_of_space_and_case(raw: str) -> None:
    found = words(raw)
    assert found is None or found == " ".join(found.split()).casefold()


# -- in landing --------------------------------------------------------------------------

CONTRACT = replace(
    CONTRACTS["products"],
    columns=(
        Column("product", "bigint", nullable=False),
        Column("name", "string", nullable=True, identifier=IdentifierKind("email")),
        Column("street", "string", nullable=True, identifier=IdentifierKind("postal_street")),
    ),
)


def nested_shop(shop: Shop) -> Shop:
    """The shop whose products say in an object who sells them."""
    document = SOURCE.model_dump(mode="json")
    for entity in document["entities"]:
        if entity["name"] == "products":
            entity["format"] = {
                "kind": "ndjson",
                "names": {"name": "seller.contact.email", "street": "seller.street"},
            }
    return replace(shop, source=SourceConfig.model_validate(document))


def deliver(shop: Shop, *objects: dict[str, Any]) -> Path:
    path = shop.folder / "products.ndjson"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in objects), "utf-8")
    return path


def test_an_identifier_inside_an_object_becomes_a_token_and_the_object_does_not_land(
    shop: Shop,
) -> None:
    shop = nested_shop(shop)
    seller = {"contact": {"email": "Canary.Person@example.com"}, "street": "1 Canary Street"}
    deliver(shop, {"product": 1, "seller": seller}, {"product": 2, "seller": {"contact": "none"}})
    report = shop.landing("products", CONTRACT).land()
    assert report.warnings == ()
    landed = shop.landed("products").sort_values("product")
    expected = token("email", "canary.person@example.com", DEMO_IDENTITY_KEY)
    assert landed["name_token"].tolist()[0] == expected
    assert landed["name_token"].isna().tolist() == [False, True]
    for path in (shop.settings.landing_dir / "corner_shop").rglob("*"):
        assert path.is_dir() or b"anary" not in path.read_bytes()
    assert b"anary" not in shop.settings.ledger_path.read_bytes()
    kept = pd.concat(map(pd.read_parquet, shop.settings.identifiers_dir.glob("*.parquet")))
    assert set(kept["raw"]) == {"Canary.Person@example.com", "1 Canary Street"}


def test_a_row_lands_without_an_identifier_that_cannot_be_one(shop: Shop) -> None:
    shop = nested_shop(shop)
    deliver(shop, {"product": 1, "seller": {"contact": {"email": "n/a"}}}, {"product": 2})
    report = shop.landing("products", CONTRACT).land()
    assert report.total("landed_rows") == 2
    assert report.total("unusable_identifiers") == 1
    assert shop.landed("products")["name_token"].isna().all()


def test_a_row_that_needs_its_identifier_is_set_aside(shop: Shop) -> None:
    shop = nested_shop(shop)
    needed = replace(CONTRACT.columns[1], nullable=False)
    contract = replace(
        CONTRACT,
        columns=(CONTRACT.columns[0], needed, CONTRACT.columns[2]),
        quarantined_rows_allowed=1,
    )
    deliver(
        shop,
        {"product": 1, "seller": {"contact": {"email": "n/a"}}},
        {"product": 2, "seller": {"contact": {"email": "a@b.example"}}},
    )
    (item,) = shop.landing("products", contract).land().partitions
    assert item.quarantine_reasons == (("unusable_name", 1),)
    assert item.landed_rows == 1


SPEAKING = replace(
    CONTRACTS["products"],
    columns=(
        Column("product", "bigint", nullable=False),
        Column("name", "string", nullable=True),
        Column(
            "street",
            "string",
            nullable=False,
            identifier=IdentifierBy(
                "name",
                (
                    ("mail", IdentifierKind("email")),
                    ("browser", IdentifierKind("cookie", scope="corner_web")),
                    ("call", IdentifierKind("phone", region="US")),
                ),
            ),
        ),
    ),
)


def test_each_row_says_what_its_identifier_is(shop: Shop) -> None:
    shop = nested_shop(shop)
    document = shop.source.model_dump(mode="json")
    for entity in document["entities"]:
        if entity["name"] == "products":
            entity["format"] = {"kind": "ndjson", "names": {"name": "kind", "street": "subject"}}
    shop = replace(shop, source=SourceConfig.model_validate(document))
    same = "+1 212 555 0101"
    deliver(
        shop,
        {"product": 1, "kind": "mail", "subject": "Anna@Example.com"},
        {"product": 2, "kind": "browser", "subject": same},
        {"product": 3, "kind": "call", "subject": same},
        {"product": 4, "kind": "pigeon", "subject": "coop 7"},
        {"product": 5, "subject": "coop 8"},
    )
    contract = replace(SPEAKING, quarantined_rows_allowed=2)
    report = shop.landing("products", contract).land()
    landed = shop.landed("products").sort_values("product")
    assert landed["street_token"].tolist() == [
        token("email", "anna@example.com", DEMO_IDENTITY_KEY),
        token("cookie", same, DEMO_IDENTITY_KEY, "corner_web"),
        token("phone", "+12125550101", DEMO_IDENTITY_KEY),
    ]
    assert report.total("quarantined_rows") == 2
    kept = pd.concat(map(pd.read_parquet, shop.settings.identifiers_dir.glob("*.parquet")))
    assert sorted(zip(kept["identifier_type"], kept["raw"], strict=True)) == [
        ("cookie", same), ("email", "Anna@Example.com"), ("phone", same)
    ]  # fmt: skip


def test_another_meaning_of_a_word_is_another_schema() -> None:
    told = SPEAKING.columns[2].identifier
    assert isinstance(told, IdentifierBy)
    fewer = replace(SPEAKING.columns[2], identifier=replace(told, kinds=told.kinds[:1]))
    other = replace(SPEAKING, columns=(*SPEAKING.columns[:2], fewer))
    assert other.schema_fingerprint != SPEAKING.schema_fingerprint
