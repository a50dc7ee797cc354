"""How much room each phase asks for, and what is said when there is not enough."""

import errno
import os
from pathlib import Path

import pytest

from orchestration.disk_space import (
    DiskSpaceError,
    free_bytes,
    full_message,
    is_disk_full,
    needed_to_build,
    needed_to_land,
    needed_to_publish,
    needed_to_run,
    require_space,
)
from orchestration.file_lock import hold_file, holder_of
from tests.small_disk import small_disk

MEGA = 1_000_000


def test_each_phase_asks_for_a_multiple_of_what_it_writes_and_never_for_nothing() -> None:
    assert needed_to_land(0) == needed_to_land(20 * MEGA) == 64 * MEGA
    assert needed_to_land(100 * MEGA) == 300 * MEGA
    assert needed_to_build(0) == needed_to_build(100 * MEGA) == 256 * MEGA
    assert needed_to_build(1_000 * MEGA) == 2_000 * MEGA
    assert needed_to_publish(100 * MEGA, 700 * MEGA) == 300 * MEGA
    assert needed_to_publish(None, 700 * MEGA) == 700 * MEGA, "the first version"
    assert needed_to_run(100 * MEGA, 700 * MEGA) == (64 + 1_400 + 300) * MEGA


def test_a_refusal_names_the_folder_the_bytes_what_was_kept_and_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    with pytest.raises(DiskSpaceError) as refused:
        require_space(
            folder,
            1 << 60,
            task="landing transactions",
            kept="Nothing was landed",
            then="run again: `shopthread run`",
        )
    message = str(refused.value)
    assert message.startswith(f"{folder} has ")
    assert "bytes free and landing transactions needs up to 1,152,921,504,606,846,976." in message
    assert "Nothing was landed. Free " in message
    assert message.endswith(" bytes there, then run again: `shopthread run`")
    assert not folder.exists(), "asking writes nothing"


def test_enough_room_is_no_error_to_the_byte(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", MEGA) as disk:
        free = free_bytes(disk.folder)
        words = {"task": "a test", "kept": "Nothing was lost", "then": "try again"}
        require_space(disk.folder, free, **words)
        with pytest.raises(DiskSpaceError, match="Free 1 bytes there"):
            require_space(disk.folder, free + 1, **words)


def test_a_full_disk_is_known_by_its_number_or_by_the_engine_s_words() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")
    assert is_disk_full(full)
    assert is_disk_full(OSError(errno.EDQUOT, "quota"))
    assert not is_disk_full(OSError(errno.EACCES, "no"))
    assert not is_disk_full(None)
    assert is_disk_full(RuntimeError("(sqlite3.OperationalError) database or disk is full"))
    wrapped = RuntimeError("could not be built")
    wrapped.__cause__ = RuntimeError('Could not write file "x": No space left on device')
    assert is_disk_full(wrapped)


def test_what_filled_up_all_the_same_is_told_with_bytes(tmp_path: Path) -> None:
    told = full_message(tmp_path, 5 * MEGA, task="a publish", kept="Version 1 stays", then="go on")
    assert "ran full during a publish" in told
    assert "5,000,000 had been asked for. Version 1 stays. Free at least another 5,000,000" in told


def test_a_lock_holds_on_a_full_disk_although_it_cannot_say_who_has_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        lock = disk.folder / "a.lock"
        lock.touch()
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "ballast").write_bytes(bytes(MEGA))
        with hold_file(lock, "somebody"):
            assert holder_of(lock) == "another process"
        assert holder_of(lock) is None
