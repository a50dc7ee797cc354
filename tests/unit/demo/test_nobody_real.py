"""No address, number or handle can belong to somebody: all are of kinds that nobody gets."""

import gzip
import re

from orchestration.demo.formats import Parquet
from orchestration.demo.names import JUNK_PHONES
from tests.unit.demo.conftest import Retailer
from tests.unit.demo.test_truth import known

RESERVED = re.compile(r"@(?:[a-z0-9-]+\.)*(?:example|invalid|test|example\.com)$")  # RFC 2606
ADDRESS = re.compile(rb"[\w.+-]+@[\w.-]+")
UNASSIGNED = re.compile(r"\+1(?:37|96)\d{8}")


def test_every_address_in_every_file_has_a_reserved_domain(retailer: Retailer) -> None:
    found: set[bytes] = set()
    for delivered in retailer.outcome.delivered:
        feed = retailer.feed(delivered.source, delivered.entity)
        if isinstance(feed.dialect, Parquet):
            continue
        content = (retailer.output / delivered.path).read_bytes()
        content = gzip.decompress(content) if feed.dialect.is_gzipped else content
        if b"@" in content:
            found.update(ADDRESS.findall(content))
    addresses = {address.decode("latin-1").lower() for address in found}
    assert len(addresses) > len(retailer.truth("people")) / 2
    assert [address for address in addresses if not RESERVED.search(address)] == []


def test_every_number_lies_in_an_area_that_is_set_aside(retailer: Retailer) -> None:
    numbers = known(retailer, "phone") - set(JUNK_PHONES)
    numbers |= set(retailer.table("synthetic_locations", "locations")["phone"])
    assert len(numbers) > len(retailer.truth("people")) / 2
    assert [number for number in numbers if not UNASSIGNED.fullmatch(number)] == []


def test_no_junk_number_can_be_dialled() -> None:
    """No area begins with 0 or 1 or has a 9 in its middle; 555-01XX is for stories."""
    for junk in JUNK_PHONES:
        digits = "".join(filter(str.isdigit, junk))
        assert digits == "" or re.fullmatch(r"[01]\d{9}|\d9\d{8}|55501\d\d", digits), junk


def test_no_network_allows_such_a_handle(retailer: Retailer) -> None:
    handles = known(retailer, "social_handle")
    assert handles
    assert all("-" in handle for handle in handles)
