"""Short sentences that say what the figures show.

Each function turns figures into one or two sentences for a reader without training in
statistics. Nothing is claimed that is not computed here from `Figures`; where a figure
does not exist the sentence says so. Charts and tables belong to `page`.
"""

from decimal import Decimal

from markupsafe import Markup

from orchestration.report.figures import FADING, Figures, Month, previous_month
from orchestration.report.marking import figure, sentence
from orchestration.report.numbers import (
    NO_BREAK,
    category_name,
    day_name,
    money,
    month_name,
    number,
    percent,
    plural,
    rounded,
)

_EMPTY = Markup("")

BEST_FIFTH = 2
BEST_THREE = 3
LOWER_HALF = 5
"""Deciles: the last of the best fifth, of the best three tenths, of the upper half."""

ORIGIN_NOTICES = {
    "panel": (
        "A published grocery panel, The Complete Journey (84.51\u00b0): one year of purchases, "
        "simulated from real shopping patterns and published for education. "
        "These are not the customers of a retailer you know."
    ),
    "synthetic": (
        "Maple & Main, a fictional retailer: every figure comes from a seeded generator "
        "and describes no real person and no real trade."
    ),
    "mixed": "Figures built from more than one origin of data, some of it simulated.",
    "live": "Figures from the retailer's own systems.",
}


def current_month(figures: Figures) -> Month | None:
    """The month the headline speaks about: the last complete one, else the last one."""
    if figures.complete_months:
        return figures.complete_months[-1]
    return figures.months[-1] if figures.months else None


def month_before(figures: Figures, month: Month) -> Month | None:
    """The complete calendar month before, if the data has it."""
    wanted = previous_month(month.first_day)
    return next((item for item in figures.complete_months if item.first_day == wanted), None)


def year_before(figures: Figures, month: Month) -> Month | None:
    """The same month a year earlier, where it is complete."""
    wanted = month.first_day.replace(year=month.first_day.year - 1)
    return next((item for item in figures.complete_months if item.first_day == wanted), None)


def relative_change(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    """The change as a share of the earlier figure; None when there is nothing to divide by."""
    if now is None or not before:
        return None
    return now / before - 1


def more_or_less(change: Decimal) -> str:
    """`9.2% more than`, `0.3% less than`, `the same as`."""
    if rounded(change * 100, 1) == 0:
        return "the same as"
    return f"{percent(abs(change))} {'more' if change > 0 else 'less'} than"


def up_or_down(change: Decimal) -> str:
    """`up 9.2% on`, `unchanged from`."""
    if rounded(change * 100, 1) == 0:
        return "unchanged from"
    return f"{'up' if change > 0 else 'down'}{NO_BREAK}{percent(abs(change))} on"


def average_net(figures: Figures) -> Decimal | None:
    """Net sales of the average month."""
    months = figures.averaged_months
    if not months:
        return None
    return sum((month.trade.net_amount for month in months), Decimal(0)) / len(months)


def averaged(figures: Figures) -> str:
    """Of how many months an average is made: `12 complete months`."""
    count = len(figures.averaged_months)
    last = "the last " if count < len(figures.complete_months) else ""
    return f"{last}{plural(count, 'complete month')}"


def headline(figures: Figures) -> Markup:
    """The one sentence of the page: the current month and its change."""
    month = current_month(figures)
    if figures.slice is None or month is None:
        return sentence("No orders are published yet")
    net = money(month.trade.net_amount, figures.slice.currency, cents=False)
    before = month_before(figures, month)
    change = relative_change(month.trade.net_amount, before.trade.net_amount if before else None)
    if before is None or change is None or not month.is_complete:
        return sentence("Net sales of {net} in {month}", net=net, month=month_name(month.first_day))
    return sentence(
        "Net sales of {net} in {month}, {change} {before}",
        net=net,
        month=month_name(month.first_day),
        change=up_or_down(change),
        before=month_name(before.first_day, year=before.first_day.year != month.first_day.year),
    )


def whole_period(figures: Figures) -> Markup:
    """What the report covers, in one sentence."""
    if figures.slice is None or not figures.months:
        return sentence(
            "The published version holds no orders. Figures appear here after the first "
            "delivery of sales has passed its gates."
        )
    first, last = figures.months[0].first_day, figures.months[-1].first_day
    return sentence(
        "{span}: {customers} placed {orders} worth {net}, after {discount} of discounts "
        "paid by the retailer.",
        span=(
            month_name(first)
            if first == last
            else f"{month_name(first, year=first.year != last.year)} to {month_name(last)}"
        ),
        customers=figure(
            "customers.total",
            figures.total.customers,
            plural(figures.total.customers, "customer"),
        ),
        orders=figure("orders.total", figures.total.orders, plural(figures.total.orders, "order")),
        net=figure(
            "net_sales.total",
            figures.total.net_amount,
            money(figures.total.net_amount, figures.slice.currency),
        ),
        discount=figure(
            "discount.total",
            figures.total.discount_amount,
            money(figures.total.discount_amount, figures.slice.currency),
        ),
    )


def sales(figures: Figures) -> Markup:
    """The average month, the strongest, the weakest, and the change on the year."""
    month = current_month(figures)
    if figures.slice is None or month is None:
        return sentence("There are no orders to show.")
    currency = figures.slice.currency
    complete = figures.averaged_months
    if len(complete) <= 1:
        return sentence(
            "The data covers less than two complete months, so there is nothing to compare yet."
        )
    best = max(complete, key=lambda item: item.trade.net_amount)
    weakest = min(complete, key=lambda item: item.trade.net_amount)
    average = average_net(figures) or Decimal(0)
    change = relative_change(month.trade.net_amount, average)
    parts = [
        sentence(
            "The average of {n} is {average}; {month} was {change} that.",
            n=averaged(figures),
            average=figure("net_sales.average", average, money(average, currency)),
            month=month_name(month.first_day),
            change=more_or_less(change) if change is not None else "not comparable with",
        ),
        sentence(
            " The strongest month was {best} with {most}, the weakest {weakest} with {least}.",
            best=month_name(best.first_day),
            most=money(best.trade.net_amount, currency),
            weakest=month_name(weakest.first_day),
            least=money(weakest.trade.net_amount, currency),
        ),
    ]
    earlier = year_before(figures, month)
    yearly = relative_change(month.trade.net_amount, earlier.trade.net_amount if earlier else None)
    if earlier is not None and yearly is not None:
        parts.append(
            sentence(
                " That is {change} {earlier}.",
                change=more_or_less(yearly),
                earlier=month_name(earlier.first_day),
            )
        )
    return _EMPTY.join(parts)


def year_over_year(figures: Figures) -> Markup:
    """Why a year-over-year column is missing, or nothing."""
    month = current_month(figures)
    if month is None or year_before(figures, month) is not None:
        return _EMPTY
    return sentence(
        "A comparison with the year before needs data from {earlier}, which is not there.",
        earlier=month_name(month.first_day.replace(year=month.first_day.year - 1)),
    )


def running_month(figures: Figures) -> Markup:
    """Months the data covers only in part: shown, not compared."""
    partial = [month for month in figures.months if not month.is_complete]
    if not partial:
        return _EMPTY
    names = " and ".join(month_name(month.first_day) for month in partial)
    return sentence(
        "{names} {verb} covered only in part: shown lighter, left out of averages and comparisons.",
        names=names,
        verb="is" if len(partial) == 1 else "are",
    )


def lifecycle(figures: Figures) -> Markup:
    """How many buy as usual and how many are fading."""
    if figures.slice is None or not figures.lifecycle:
        return sentence("No customer has a lifecycle state yet.")
    everyone = sum(item.customers for item in figures.lifecycle)
    by_state = {item.state: item for item in figures.lifecycle}
    parts = []
    active = by_state.get("active")
    if active is not None:
        parts.append(
            sentence(
                "{active} of {everyone} customers ({share}) buy in their usual rhythm.",
                active=number(active.customers),
                everyone=number(everyone),
                share=percent(Decimal(active.customers) / everyone),
            )
        )
    fading = by_state.get(FADING)
    if fading is not None:
        parts.append(
            sentence(
                " {fading} {verb} fading: overdue by their own habits, though not yet gone. "
                "So far they brought {net}.",
                fading=number(fading.customers),
                verb="is" if fading.customers == 1 else "are",
                net=money(fading.net_amount, figures.slice.currency),
            )
        )
    else:
        parts.append(sentence(" Nobody is fading."))
    return _EMPTY.join(parts)


def deciles(figures: Figures) -> Markup:
    """How concentrated net sales are."""
    whole = sum((item.net_amount for item in figures.deciles), Decimal(0))
    if not figures.has_value:
        return sentence("No customer has bought yet, so there is nothing to rank.")
    top = figures.deciles[0]
    upper = sum(
        (item.net_amount for item in figures.deciles if item.decile <= BEST_THREE), Decimal(0)
    )
    lower = sum(
        (item.net_amount for item in figures.deciles if item.decile > LOWER_HALF), Decimal(0)
    )
    return sentence(
        "The best tenth of customers makes {top} of net sales, the best three tenths {upper}. "
        "The lower half makes {lower}.",
        top=percent(top.net_amount / whole),
        upper=percent(upper / whole),
        lower=percent(lower / whole),
    )


def fading(figures: Figures) -> Markup:
    """How much is at risk, and where to begin."""
    count = sum(item.fading_customers for item in figures.deciles)
    if figures.slice is None or count == 0:
        return sentence("No customer is overdue by their own rhythm: nobody is at risk.")
    whole = sum((item.net_amount for item in figures.deciles), Decimal(0))
    worth = sum((item.fading_amount for item in figures.deciles), Decimal(0))
    best = [item for item in figures.deciles if item.decile <= BEST_FIFTH]
    best_count = sum(item.fading_customers for item in best)
    best_worth = sum((item.fading_amount for item in best), Decimal(0))
    parts = [
        sentence(
            "{count} have stayed away longer than is usual for them. "
            "They account for {worth}, {share} of all net sales.",
            count=figure("fading.customers", count, plural(count, "customer")),
            worth=figure("fading.net", worth, money(worth, figures.slice.currency)),
            share=percent(worth / whole) if whole else percent(Decimal(0)),
        )
    ]
    if best_count and worth:
        parts.append(
            sentence(
                " {n} of them belong to the best fifth and carry {share} of that value: "
                "the first to win back.",
                n=number(best_count),
                share=percent(best_worth / worth),
            )
        )
    return _EMPTY.join(parts)


def pairs(figures: Figures) -> Markup:
    """The pair of highest lift, in words."""
    if not figures.pairs:
        return sentence("No two categories are bought together often enough to be listed.")
    best = figures.pairs[0]
    return sentence(
        "{one} and {other} share a basket {lift} times as often as chance would have it: "
        "{confidence} of orders with {one_again} also hold {other_again}.",
        one=category_name(best.antecedent),
        other=_inside(best.consequent),
        one_again=_inside(best.antecedent),
        other_again=_inside(best.consequent),
        lift=number(best.lift, 1),
        confidence=percent(best.confidence),
    )


def _inside(category: str) -> str:
    """A category's name inside a sentence: no capital unless it was delivered so."""
    shown = category_name(category)
    return shown[:1].lower() + shown[1:] if category.isupper() and shown != category else shown


def campaigns(figures: Figures) -> Markup:
    """How many contacts led to a redemption."""
    contacts = sum(item.contacts for item in figures.campaigns)
    if not figures.campaigns or contacts == 0:
        return sentence("No campaign has contacted anybody yet.")
    responders = sum(item.responders for item in figures.campaigns)
    parts = [
        sentence(
            "{responders} of {contacts} campaign contacts led to a redeemed coupon: {rate}.",
            responders=number(responders),
            contacts=number(contacts),
            rate=percent(Decimal(responders) / contacts),
        )
    ]
    rated = [item for item in figures.campaigns if item.response_rate is not None]
    if len(rated) > 1:
        best = max(rated, key=lambda item: item.response_rate or Decimal(0))
        parts.append(
            sentence(
                " Type {kind} answered best with {rate}.",
                kind=best.campaign_type,
                rate=percent(best.response_rate or Decimal(0)),
            )
        )
    return _EMPTY.join(parts)


def unmatched(figures: Figures) -> Markup:
    """What part of redemptions no sale can be found for."""
    total = sum(item.redemptions for item in figures.redemptions)
    if total == 0:
        return sentence("No coupon has been redeemed yet.")
    matched = sum(item.matched for item in figures.redemptions)
    left = total - matched
    return sentence(
        "Of {total} redemptions {matched} can be tied to a discounted line of the same day; "
        "{left} ({share}) cannot and are shown as unmatched, not guessed.",
        total=figure("redemptions.total", total, number(total)),
        matched=figure("redemptions.matched", matched, number(matched)),
        left=figure("redemptions.unmatched", left, number(left)),
        share=percent(Decimal(left) / total),
    )


def checks(figures: Figures) -> Markup:
    """How the checks answered."""
    layers = figures.quality.layers
    total = sum(layer.total for layer in layers)
    if total == 0:
        return sentence(
            "No check is recorded for this version. A version without checks says nothing "
            "about its quality."
        )
    passed = sum(layer.passed for layer in layers)
    failed = sum(layer.failed for layer in layers)
    could_not = sum(layer.could_not_run for layer in layers)
    if failed == could_not == 0:
        return sentence("All {n} checks passed.", n=number(total))
    return sentence(
        "{passed} of {total} checks passed, {failed} failed, {could_not} could not run.",
        passed=number(passed),
        total=number(total),
        failed=number(failed),
        could_not=number(could_not),
    )


def money_check(figures: Figures) -> Markup:
    """Whether the same money is found along every way."""
    check = figures.money_check
    if check is None or figures.slice is None:
        return sentence("There is no money to reconcile.")
    currency = figures.slice.currency
    ways = ["orders", "order lines"]
    if check.daily_amount is not None:
        ways.append("daily figures")
    if check.source_amount is not None:
        ways.insert(0, "source")
    named = f"{', '.join(ways[:-1])} and {ways[-1]}"
    difference = figure(
        "reconciliation.difference",
        check.largest_difference,
        money(check.largest_difference, currency),
    )
    if check.largest_difference == 0:
        return sentence(
            "Net sales of {ways} agree to the cent: {net}, difference {difference}.",
            ways=named,
            net=money(check.orders_amount, currency),
            difference=difference,
        )
    return sentence(
        "Net sales of {ways} do not agree: the largest difference is {difference}. "
        "Treat amounts with care until the data team has explained it.",
        ways=named,
        difference=difference,
    )


def accounts(figures: Figures) -> Markup:
    """Whether every step accounts for what it received."""
    total = sum(item.total for item in figures.quality.accounts)
    if total == 0:
        return sentence("No delivery has been accounted for yet.")
    balanced = sum(item.balanced for item in figures.quality.accounts)
    if balanced == total:
        return sentence(
            "Nothing was lost on the way: all {n} accounts from delivery to mart close.",
            n=figure("accounts.total", total, number(total)),
        )
    return sentence(
        "{n} of {total} accounts from delivery to mart {verb} not close.",
        n=number(total - balanced),
        total=figure("accounts.total", total, number(total)),
        verb="does" if total - balanced == 1 else "do",
    )


def freshness(figures: Figures) -> Markup:
    """How many deliveries are older than agreed."""
    sources = figures.quality.freshness
    as_of = f" Judged as of {day_name(figures.as_of)}." if figures.as_of else ""
    if not sources:
        return sentence("No source has reported its freshness.")
    stale = sum(item.is_stale for item in sources)
    if stale == 0:
        return sentence(
            "All {n} deliveries are as fresh as agreed.{as_of}", n=len(sources), as_of=as_of
        )
    return sentence(
        "{stale} of {n} deliveries {verb} older than agreed; the last good state is served.{as_of}",
        stale=number(stale),
        n=len(sources),
        verb="is" if stale == 1 else "are",
        as_of=as_of,
    )


def rejected(figures: Figures) -> Markup:
    """How many rows were set aside."""
    rows = sum(item.rows for item in figures.quality.rejected)
    if rows == 0:
        return sentence("No delivered row was set aside.")
    return sentence(
        "{rows} {verb} set aside in quarantine, each with a reason, and {counted} in no figure "
        "above.",
        rows=figure("rejected.total", rows, plural(rows, "delivered row")),
        verb="was" if rows == 1 else "were",
        counted="is" if rows == 1 else "are",
    )
