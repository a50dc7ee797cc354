"""All receipts of the stores: sales, voids, returns and exchanges with lines and tenders.

Facts with positions instead of texts; amounts of what comes back are negative. What the till
prints of it belongs to `channels.till`.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.baskets import Taken, summed_by, take_back
from orchestration.demo.calendar_days import DAY_SECONDS, opening_seconds
from orchestration.demo.random_numbers import Bools, Ints, Stream
from orchestration.demo.world import World, local_to_utc

SALE, VOID, RETURN, EXCHANGE = range(4)
RECEIPT_TYPES = ("sale", "void", "return", "exchange")
CASH, CREDIT, DEBIT, MOBILE, GIFT_CARD = range(5)
TENDER_TYPES = ("cash", "credit", "debit", "mobile", "gift_card")
_TENDER_WEIGHTS = (22, 44, 25, 9)
_VOID_PPM = 6_000
_RETURN_PPM = 45_000
_EXCHANGE_PPM = 200_000
_SPLIT_PPM = 40_000
_GIFT_REDEEMED_PPM = 650_000
_REASONS = 5


@dataclass(frozen=True)
class Receipts:
    """One entry a receipt, ordered by business date, store and time."""

    kind: Ints
    sale: Ints
    """The sale that it is, or that it belongs to."""
    related: Ints
    """The receipt of that sale, or -1 for a sale."""
    person: Ints
    card: Ints
    """The loyalty card that was shown, or -1."""
    city: Ints
    day: Ints
    local: Ints
    moment: Ints
    number: Ints
    """Number within store and business date, from 1."""


@dataclass(frozen=True)
class ReceiptLines:
    """One entry a line, ordered by receipt. Amounts and quantities are signed."""

    receipt: Ints
    number: Ints
    product: Ints
    quantity: Ints
    list_unit: Ints
    discount: Ints
    tax: Ints
    cost: Ints
    has_coupon: Bools
    origin_number: Ints
    """Number of the line of the sale that comes back, or -1."""
    reason: Ints
    gift_card: Ints
    """Number of the gift card that is sold with it, or -1."""

    @property
    def gross(self) -> Ints:
        return self.quantity * self.list_unit

    @property
    def net(self) -> Ints:
        return self.gross - self.discount


@dataclass(frozen=True)
class Tenders:
    """One entry a payment, ordered by receipt."""

    receipt: Ints
    kind: Ints
    amount: Ints
    token: Ints
    """Payment card, or -1."""
    gift_card: Ints


@dataclass(frozen=True)
class GiftCards:
    """Gift cards sold in stores, then those sold online."""

    buyer: Ints
    redeemer: Ints
    """Person who pays with it, or -1."""
    redeemed_in: Ints
    """Receipt of a sale, or -1."""
    amount: Ints


@dataclass(frozen=True)
class StoreBook:
    """Everything that the tills know."""

    receipts: Receipts
    lines: ReceiptLines
    tenders: Tenders
    gift_cards: GiftCards
    receipt_of_sale: Ints

    def total(self, amounts: Ints) -> Ints:
        """Sums of line amounts by receipt."""
        return summed_by(self.lines.receipt, amounts, len(self.receipts.kind))


def keep_store_book(world: World) -> StoreBook:
    """Derive all receipts from the purchases in stores."""
    stream = world.streams.named("store_book")
    sales, lines = world.store_sales, world.store_sales.lines
    is_void = stream.chance(_VOID_PPM, len(sales))
    taken = take_back(
        lines,
        sales.day,
        ppm=_RETURN_PPM,
        gift_card=world.catalogue.gift_card,
        may_return=~is_void,
        stream=stream,
        last_day=world.last_day,
    )
    drafts = _draft_receipts(world, is_void, taken, stream)
    order = np.lexsort((drafts.moment, drafts.city, drafts.day))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    card = world.identifiers.card_at_till(sales.person, stream)
    receipts = _numbered(drafts, order, place, card)
    book_lines = _draft_lines(world, is_void, taken, drafts, place, stream)
    totals = summed_by(book_lines.receipt, book_lines.net + book_lines.tax, len(order))
    receipt_of_sale = place[: len(sales)]
    gifts = _redeem(world, receipts, receipt_of_sale, is_void, totals, stream)
    tenders = _pay(world, receipts, totals, gifts, receipt_of_sale, stream)
    return StoreBook(receipts, book_lines, tenders, gifts, receipt_of_sale)


@dataclass(frozen=True)
class _Drafts:
    """Receipts before they are ordered: sales, voids, then returns and exchanges."""

    kind: Ints
    sale: Ints
    city: Ints
    day: Ints
    local: Ints
    moment: Ints
    person: Ints


def _draft_receipts(world: World, is_void: Bools, taken: Taken, stream: Stream) -> _Drafts:
    sales = world.store_sales
    voids = np.flatnonzero(is_void)
    groups = len(taken.group_sale)
    back_local = world.days.since_1970(taken.group_day) * DAY_SECONDS
    back_local = back_local + opening_seconds(stream, groups)
    back_city = sales.city[taken.group_sale]
    is_exchange = stream.chance(_EXCHANGE_PPM, groups)
    sale = np.concatenate([np.arange(len(sales)), voids, taken.group_sale])
    return _Drafts(
        kind=np.concatenate(
            [
                np.full(len(sales), SALE),
                np.full(len(voids), VOID),
                np.where(is_exchange, EXCHANGE, RETURN),
            ]
        ),
        sale=sale,
        city=sales.city[sale],
        day=np.concatenate([sales.day, sales.day[voids], taken.group_day]),
        local=np.concatenate([sales.local, sales.local[voids] + 90, back_local]),
        moment=np.concatenate(
            [
                sales.moment,
                sales.moment[voids] + 90,
                local_to_utc(world.places, back_city, back_local),
            ]
        ),
        person=sales.person[sale],
    )


def _numbered(drafts: _Drafts, order: Ints, place: Ints, card_of_sale: Ints) -> Receipts:
    day, city = drafts.day[order], drafts.city[order]
    is_new = (np.diff(day, prepend=-1) != 0) | (np.diff(city, prepend=-1) != 0)
    starts = np.flatnonzero(is_new)
    counts = np.diff(starts, append=len(order))
    number = np.arange(len(order)) - np.repeat(starts, counts) + 1
    kind, sale = drafts.kind[order], drafts.sale[order]
    return Receipts(
        kind=kind,
        sale=sale,
        related=np.where(kind == SALE, -1, place[sale]),
        person=drafts.person[order],
        card=card_of_sale[sale],
        city=city,
        day=day,
        local=drafts.local[order],
        moment=drafts.moment[order],
        number=number,
    )


def _draft_lines(
    world: World, is_void: Bools, taken: Taken, drafts: _Drafts, place: Ints, stream: Stream
) -> ReceiptLines:
    """Lines of sales; the same backwards for voids; shares of them for what comes back."""
    lines = world.store_sales.lines
    sale_count, void_count = len(world.store_sales), int(is_void.sum())
    line = np.arange(len(lines))
    voided = np.flatnonzero(is_void[lines.sale])
    void_draft = np.full(sale_count, -1)
    void_draft[is_void] = sale_count + np.arange(void_count)
    back_draft = sale_count + void_count + taken.group
    replaced = np.flatnonzero(drafts.kind[back_draft] == EXCHANGE)
    source = np.concatenate([line, voided, taken.line, taken.line[replaced]])
    draft = np.concatenate(
        [lines.sale, void_draft[lines.sale[voided]], back_draft, back_draft[replaced]]
    )
    pieces = np.concatenate(
        [
            lines.quantity,
            -lines.quantity[voided],
            -taken.quantity,
            taken.quantity[replaced],
        ]
    )
    is_back = np.zeros(len(source), dtype=np.bool_)
    is_back[len(line) : len(line) + len(voided) + len(taken.line)] = True
    is_gift = lines.product == world.catalogue.gift_card
    gift_number = np.where(is_gift, np.cumsum(is_gift) - 1, -1)
    gift = np.full(len(source), -1)
    gift[: len(line)] = gift_number
    receipt = place[draft]
    order = np.lexsort((np.arange(len(source)), receipt))
    receipt = receipt[order]
    starts = np.searchsorted(receipt, receipt)

    def share(amounts: Ints) -> Ints:
        whole = lines.quantity[source]
        part = amounts[source] * np.abs(pieces) // whole
        return np.asarray((np.sign(pieces) * part)[order])

    reason = stream.below(_REASONS, len(source))
    return ReceiptLines(
        receipt=receipt,
        number=np.arange(len(receipt)) - starts + 1,
        product=lines.product[source][order],
        quantity=pieces[order],
        list_unit=lines.list_unit[source][order],
        discount=share(lines.discount),
        tax=share(lines.tax),
        cost=share(lines.cost),
        has_coupon=(lines.coupon_off > 0)[source][order],
        origin_number=np.where(is_back, lines.numbers()[source], -1)[order],
        reason=np.where(is_back, reason, -1)[order],
        gift_card=gift[order],
    )


def _redeem(
    world: World,
    receipts: Receipts,
    receipt_of_sale: Ints,
    is_void: Bools,
    totals: Ints,
    stream: Stream,
) -> GiftCards:
    """Most gift cards pay once for a later receipt, of whoever got them."""
    buyer, day, currency = [], [], []
    for sales in (world.store_sales, world.web_sales):
        sale = sales.lines.sale[sales.lines.product == world.catalogue.gift_card]
        buyer.append(sales.person[sale])
        day.append(sales.day[sale])
        currency.append(world.currencies[sales.city[sale]])
    buyers, days = np.concatenate(buyer), np.concatenate(day)
    count, sale_count = len(buyers), len(receipt_of_sale)
    first = np.searchsorted(world.store_sales.day, days, side="right")
    chosen = first + stream.below(np.maximum(sale_count - first, 1), count)
    fits = stream.chance(_GIFT_REDEEMED_PPM, count) & (chosen < sale_count)
    sale = np.where(fits, chosen, 0)
    if sale_count:
        receipt = receipt_of_sale[sale]
        fits &= world.currencies[receipts.city[receipt]] == np.concatenate(currency)
        fits &= (totals[receipt] > 0) & ~is_void[sale]
        is_first = np.zeros(count, dtype=np.bool_)
        candidates = np.flatnonzero(fits)
        is_first[candidates[np.unique(sale[candidates], return_index=True)[1]]] = True
        fits &= is_first
    receipt = np.where(fits, receipt_of_sale[sale] if sale_count else -1, -1)
    face = int(world.catalogue.cents[0, 0, world.catalogue.gift_card])
    return GiftCards(
        buyer=buyers,
        redeemer=np.where(fits, receipts.person[receipt] if sale_count else -1, -1),
        redeemed_in=receipt,
        amount=np.where(fits, np.minimum(totals[receipt] if sale_count else 0, face), 0),
    )


def _pay(
    world: World,
    receipts: Receipts,
    totals: Ints,
    gifts: GiftCards,
    receipt_of_sale: Ints,
    stream: Stream,
) -> Tenders:
    """Tenders that add up to each receipt's total; a void pays back what was paid."""
    sales = len(receipt_of_sale)
    kind_of_sale = stream.pick(_TENDER_WEIGHTS, sales)
    token_of_sale = world.identifiers.payment_token(world.store_sales.person, stream)
    is_split = stream.chance(_SPLIT_PPM, sales)
    gift_of_sale = np.full(sales, -1)
    used = np.flatnonzero(gifts.redeemed_in >= 0)
    gift_of_sale[receipts.sale[gifts.redeemed_in[used]]] = used
    gift_amount = np.zeros(len(totals), dtype=np.int64)
    is_sale_or_void = (receipts.kind == SALE) | (receipts.kind == VOID)
    with_gift = np.flatnonzero(is_sale_or_void & (gift_of_sale[receipts.sale] >= 0))
    sign = np.where(receipts.kind == VOID, -1, 1)
    gift_amount[with_gift] = sign[with_gift] * gifts.amount[gift_of_sale[receipts.sale[with_gift]]]
    rest = totals - gift_amount
    kind, token = kind_of_sale[receipts.sale], token_of_sale[receipts.sale]
    cash = np.where(is_split[receipts.sale] & (kind != CASH) & is_sale_or_void, rest // 2, 0)
    cash = np.where(sign < 0, -((-rest) // 2) * (cash != 0), cash)
    parts = ((GIFT_CARD, gift_amount), (CASH, cash), (-1, rest - cash))
    receipt, kinds, amounts = [], [], []
    for tender_kind, amount in parts:
        paid = np.flatnonzero(amount)
        receipt.append(paid)
        kinds.append(np.full(len(paid), tender_kind) if tender_kind >= 0 else kind[paid])
        amounts.append(amount[paid])
    all_receipts = np.concatenate(receipt)
    order = np.argsort(all_receipts, kind="stable")
    all_receipts, all_kinds = all_receipts[order], np.concatenate(kinds)[order]
    is_card = (all_kinds == CREDIT) | (all_kinds == DEBIT)
    on_telephone = world.identifiers.mobile_token(receipts.person[all_receipts])
    used_token = np.where(all_kinds == MOBILE, on_telephone, token[all_receipts])
    return Tenders(
        receipt=all_receipts,
        kind=all_kinds,
        amount=np.concatenate(amounts)[order],
        token=np.where(is_card | (all_kinds == MOBILE), used_token, -1),
        gift_card=np.where(all_kinds == GIFT_CARD, gift_of_sale[receipts.sale[all_receipts]], -1),
    )
