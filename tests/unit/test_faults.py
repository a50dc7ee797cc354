"""An error tells its kind and its places; only our own texts are repeated."""

import errno
import os
import traceback

import duckdb
import pytest

from orchestration.faults import FaultError, account_of, kind_of, ours_in, telling_kinds_only
from orchestration.publish import PublishError

CARD = "LC-4711-0815"


def cast_a_card() -> None:
    with duckdb.connect() as connection:
        connection.execute(f"select cast(x as integer) from (values ('{CARD}')) as t(x)")


def printed(error: BaseException) -> str:
    """Everything that Python, and so Dagster, would write of an error."""
    return "".join(traceback.format_exception(error))


def test_an_error_of_a_library_is_replaced_and_its_place_kept() -> None:
    with pytest.raises(duckdb.ConversionException) as bare:
        cast_a_card()
    assert CARD in str(bare.value), "else this test proves nothing"
    with pytest.raises(FaultError) as told, telling_kinds_only():
        cast_a_card()
    assert "ConversionException" in str(told.value)
    assert "cast_a_card" in printed(told.value)
    assert CARD not in str(told.value)
    assert "Could not convert" not in printed(told.value)


def break_a_mart() -> None:
    try:
        cast_a_card()
    except duckdb.Error as error:
        raise PublishError("the mart breaks its key") from error


def break_while_handling() -> None:
    try:
        cast_a_card()
    except duckdb.Error:
        raise PublishError("second")  # noqa: B904 (the chain that Python makes by itself)


def test_an_error_of_ours_keeps_its_text_and_loses_that_of_its_cause() -> None:
    with pytest.raises(PublishError) as told, telling_kinds_only():
        break_a_mart()
    assert str(told.value) == "the mart breaks its key"
    assert isinstance(told.value.__cause__, FaultError)
    assert "Could not convert" not in printed(told.value)


def test_what_was_handled_when_an_error_came_up_is_not_told_either() -> None:
    with pytest.raises(PublishError) as told, telling_kinds_only():
        break_while_handling()
    assert "Could not convert" not in printed(told.value)


def test_a_trusted_kind_of_error_passes_with_its_text() -> None:
    with pytest.raises(KeyError, match="a name"), telling_kinds_only(KeyError):
        raise KeyError("a name")


def test_no_error_is_no_error() -> None:
    with telling_kinds_only():
        pass


def test_a_full_disk_is_named_without_its_file() -> None:
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"inbox/{CARD}.parquet")
    assert kind_of(error) == "OSError ENOSPC (No space left on device)"


def test_an_account_has_the_whole_chain_without_foreign_texts() -> None:
    try:
        try:
            cast_a_card()
        except duckdb.Error as error:
            raise PublishError("the mart breaks its key") from error
    except PublishError as error:
        account = account_of(error)
    first, *_ = account.splitlines()
    assert first == "PublishError: the mart breaks its key"
    assert "caused by ConversionException\n" in account
    assert "(cast_a_card)" in account
    assert CARD not in account


def test_the_first_error_of_ours_that_another_was_raised_from_is_the_one_to_tell() -> None:
    ours = PublishError("the suite cannot be read")
    wrapped = RuntimeError("while loading a component")
    wrapped.__cause__ = ours
    assert ours_in(wrapped) is ours
    assert ours_in(ours) is ours
    came_up_while_handled = RuntimeError("disk")
    came_up_while_handled.__context__ = ours
    assert ours_in(came_up_while_handled) is None
