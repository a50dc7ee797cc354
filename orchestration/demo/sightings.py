"""Which identifiers the deliveries of a run name: truth tells the owners of those and no other.

The columns that hold one, by source, with addresses and telephone numbers brought into the
form of the truth. Whose an identifier is belongs to `owners`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.demo import names
from orchestration.demo.columns import Column, Rows, either, joined, texts
from orchestration.demo.feeds import Feed
from orchestration.demo.random_numbers import Bools

_NATIONAL_DIGITS = 10
_TYPED = "subject_type"


@dataclass(frozen=True)
class Named:
    """A column that holds identifiers of one type; an empty type is that of `subject_type`.

    `within`: the member of the JSON text, or the parameter of the address, that holds them.
    """

    column: str
    kind: str = ""
    within: str = ""


_TILL = {
    "transactions": (
        Named("loyalty_card_no", "loyalty_card"),
        Named("receipt_email", "email"),
        Named("receipt_phone", "phone"),
    ),
    "transaction_lines": (Named("gift_card_hash", "gift_card"),),
    "tenders": (
        Named("payment_token_hash", "payment_token"),
        Named("gift_card_hash", "gift_card"),
    ),
}
COLUMNS: dict[str, dict[str, tuple[Named, ...]]] = {
    "synthetic_till_us": _TILL,
    "synthetic_till_ca": _TILL,
    "synthetic_shop": {
        "orders": (
            Named("email", "email"),
            Named("phone", "phone"),
            Named("customer_id", "shop_customer"),
            Named("landing_site", "click", within="gclid"),
        ),
        "order_lines": (Named("gift_card_hash", "gift_card"),),
        "transactions": (Named("payment_token_hash", "payment_token"),),
        "abandoned_checkouts": (Named("email", "email"), Named("customer_id", "shop_customer")),
        "customers": (
            Named("id", "shop_customer"),
            Named("email", "email"),
            Named("phone", "phone"),
        ),
    },
    "synthetic_web": {
        "events": (
            Named("user_pseudo_id", "cookie"),
            Named("user_id", "shop_customer"),
            Named("collected_traffic_source_gclid", "click"),
            Named("param_page_location", "click", within="gclid"),
            Named("param_page_location", "click", within="fbclid"),
            Named("param_page_location", "message_profile", within="_kx"),
        ),
    },
    "synthetic_app": {
        "events": (
            Named("anonymousId", "app_device"),
            Named("userId", "shop_customer"),
            Named("context", "push_token", within="token"),
            Named("traits", "email", within="email"),
            Named("traits", "phone", within="phone"),
        ),
    },
    "synthetic_messages": {
        "events": (
            Named("person_id", "message_profile"),
            Named("email", "email"),
            Named("to_number", "phone"),
            Named("push_token", "push_token"),
        ),
        "profiles": (
            Named("id", "message_profile"),
            Named("email", "email"),
            Named("phone_number", "phone"),
            Named("external_id", "shop_customer"),
        ),
    },
    "synthetic_loyalty": {
        "ledger": (Named("loyalty_id", "loyalty_card"),),
        "members": (
            Named("loyalty_id", "loyalty_card"),
            Named("email", "email"),
            Named("phone", "phone"),
            Named("household_id", "mail_household"),
        ),
        "vouchers": (Named("loyalty_id", "loyalty_card"),),
    },
    "synthetic_crm": {
        "contacts": (
            Named("id", "crm_contact"),
            Named("hs_merged_object_ids", "crm_contact"),
            Named("email", "email"),
            Named("phone", "phone"),
            Named("twitterhandle", "social_handle"),
            Named("loyalty_id", "loyalty_card"),
        ),
        "contact_merges": (
            Named("canonical_vid", "crm_contact"),
            Named("vid_to_merge", "crm_contact"),
        ),
    },
    "synthetic_consent": {"events": (Named("subject"),)},
    "synthetic_google_ads": {"clicks": (Named("gclid", "click"),)},
    "synthetic_direct_mail": {
        "sends": (Named("PIECE_ID", "mail_piece"), Named("HOUSEHOLD_ID", "mail_household")),
        "responses": (Named("PIECE_ID", "mail_piece"),),
    },
    "synthetic_coupons": {
        "events": (
            Named("loyalty_id", "loyalty_card"),
            Named("message_profile", "message_profile"),
        ),
    },
    "synthetic_service": {
        "tickets": (
            Named("requester_id", "service_requester"),
            Named("requester_email", "email"),
            Named("requester_phone", "phone"),
        ),
    },
    "synthetic_social": {"engagements": (Named("handle", "social_handle"),)},
    "synthetic_reviews": {"reviews": (Named("author_email", "email"),)},
    "synthetic_store_floor": {
        "interactions": (Named("email", "email"), Named("loyalty_id", "loyalty_card")),
        "visits": (Named("device_id", "app_device"),),
    },
    "synthetic_experiments": {"assignments": (Named("subject"),)},
}


class Sightings:
    """Collects identifiers from rows while they are delivered."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Any]] = {}
        self._seen: dict[str, Any] = {}

    def note(self, feed: Feed, rows: Rows) -> None:
        """Remember what these rows name."""
        for named in COLUMNS.get(feed.source, {}).get(feed.entity, ()):
            column = rows.columns[named.column]
            if named.kind:
                self._add(named.kind, _within(column, named.within))
                continue
            types = rows.columns[_TYPED]
            for kind in pc.unique(types).to_pylist():
                self._add(kind, column.filter(pc.equal(types, kind)))

    def has(self, kind: str, values: Column) -> Bools:
        """Which of these values were delivered."""
        if kind not in self._seen:
            parts = self._parts.get(kind, [])
            self._seen[kind] = pc.unique(pa.chunked_array(parts, pa.string()))
        return np.asarray(pc.is_in(values, value_set=self._seen[kind]))

    def _add(self, kind: str, column: Column) -> None:
        values = pc.unique(column.cast(pa.string())).drop_null()
        if kind == "email":
            values = pc.utf8_lower(pc.utf8_trim_whitespace(values))
        if kind == "phone":
            values = international(values)
        self._parts.setdefault(kind, []).append(values)


def _within(column: Column, name: str) -> Column:
    """One member of JSON texts, or one parameter of addresses."""
    if not name:
        return column
    found = pc.extract_regex(column, f'(?:"{name}":"|[?&]{name}=)(?P<value>[^"&]+)')
    return pc.struct_field(found, "value")


def international(typed: Column) -> Column:
    """Telephone numbers as E.164, however they were typed; junk stays as it is."""
    number = pc.utf8_slice_codeunits(
        pc.utf8_reverse(pc.replace_substring_regex(typed, r"[^0-9]", "")),
        start=0,
        stop=_NATIONAL_DIGITS,
    )
    is_junk = np.asarray(pc.is_in(typed, value_set=texts(names.JUNK_PHONES)), dtype=np.bool_)
    return either(is_junk, typed, joined("+1", pc.utf8_reverse(number)))
