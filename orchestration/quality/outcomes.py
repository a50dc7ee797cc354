"""What a gate answers: counts, shares and reasons, never a value of the data.

Three answers, two of which close the gate: a suite that *could not run* has not passed.
How an answer is found belongs to `runner`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_NAMED = 5
"""So many expectations are named in a message; all of them are in the results."""


class Outcome(StrEnum):
    """The answer of one expectation or of a whole suite."""

    PASSED = "passed"
    FAILED = "failed"
    COULD_NOT_RUN = "could_not_run"

    @property
    def opens_gate(self) -> bool:
        return self is Outcome.PASSED


@dataclass(frozen=True)
class ExpectationResult:
    """One expectation's answer.

    `expectation` is its type and, where it has one, its name in brackets; together with
    `column` it is unique within a table.
    `observed` is the number the threshold is compared with: a share between 0 and 1, a
    count or a measure. `message` names type, column and counts; it holds no value.
    """

    expectation: str
    column: str | None
    severity: str
    outcome: Outcome
    evaluated_rows: int | None
    unexpected_rows: int | None
    observed: float | None
    because: str
    message: str

    @property
    def closes_gate(self) -> bool:
        return self.severity == "critical" and not self.outcome.opens_gate


@dataclass(frozen=True)
class SuiteVerdict:
    """The answer of one table's suite and everything it rests on.

    `row_count` is None when the table could not be counted. `seconds` is wall time.
    """

    outcome: Outcome
    table: str
    results: tuple[ExpectationResult, ...]
    message: str
    row_count: int | None = None
    seconds: float = 0.0
    failing_days: tuple[str, ...] = ()
    """Days on which a critical expectation does not hold, where days were judged alone."""

    @property
    def warnings(self) -> tuple[ExpectationResult, ...]:
        """Expectations that did not pass and do not close the gate."""
        return tuple(
            result
            for result in self.results
            if result.outcome is not Outcome.PASSED and not result.closes_gate
        )

    def numbers(self) -> dict[str, int | float]:
        """Counts for check metadata; always numbers, so that they can be plotted."""
        numbers: dict[str, int | float] = {
            "expectations": len(self.results),
            "expectations_passed": _count(self.results, Outcome.PASSED),
            "expectations_failed": _count(self.results, Outcome.FAILED),
            "expectations_could_not_run": _count(self.results, Outcome.COULD_NOT_RUN),
            "warnings": len(self.warnings),
            "seconds": round(self.seconds, 3),
        }
        if self.row_count is not None:
            numbers["row_count"] = self.row_count
        return numbers


def _count(results: Iterable[ExpectationResult], outcome: Outcome) -> int:
    return sum(1 for result in results if result.outcome is outcome)


def judge(
    table: str,
    results: tuple[ExpectationResult, ...],
    *,
    row_count: int | None,
    seconds: float,
    failing_days: tuple[str, ...] = (),
) -> SuiteVerdict:
    """Decide the suite's answer from its expectations' answers.

    A critical failure is FAILED; else a critical expectation that could not run, or
    nothing executed at all, is COULD_NOT_RUN. Warnings and infos never close the gate.
    """
    executed = sum(1 for result in results if result.outcome is not Outcome.COULD_NOT_RUN)
    closing = [result for result in results if result.closes_gate]
    failed = [result for result in closing if result.outcome is Outcome.FAILED]
    if failed:
        outcome, reasons = Outcome.FAILED, failed
    elif closing:
        outcome, reasons = Outcome.COULD_NOT_RUN, closing
    elif executed == 0:
        return SuiteVerdict(
            Outcome.COULD_NOT_RUN,
            table,
            results,
            f"{table}: no expectation was executed, so nothing is known about it; "
            "add expectations to its suite",
            row_count,
            seconds,
        )
    else:
        outcome, reasons = Outcome.PASSED, []
    verdict = SuiteVerdict(outcome, table, results, "", row_count, seconds, failing_days)
    if reasons:
        text = "; ".join(result.message for result in reasons[:_NAMED])
        more = f"; and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
        message = f"{table}: {len(reasons)} of {len(results)} expectations: {text}{more}"
    else:
        message = f"{table}: {executed} of {len(results)} expectations executed and passed"
        if verdict.warnings:
            text = "; ".join(result.message for result in verdict.warnings[:_NAMED])
            message = (
                f"{table}: passed with {len(verdict.warnings)} of {len(results)} "
                f"expectations as warnings: {text}"
            )
    return SuiteVerdict(outcome, table, results, message, row_count, seconds, failing_days)


def could_not_run(table: str, reason: str, *, seconds: float = 0.0) -> SuiteVerdict:
    """The answer for a table of which nothing could be asked."""
    return SuiteVerdict(Outcome.COULD_NOT_RUN, table, (), f"{table}: {reason}", None, seconds)
