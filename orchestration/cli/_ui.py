"""Serve the Dagster UI and its daemon in the foreground, on this machine only.

One process tree of `dagster dev`, with what it writes in a private file; Ctrl-C ends all of
it. Which page to open is said here; what the pages show is not known.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import NoReturn

from orchestration.cli._instance import (
    ensure_instance,
    forget_ui,
    private_log,
    remember_ui,
    ui_log_path,
)
from orchestration.cli._outcome import CommandError
from orchestration.cli._terminal import say, say_block, short_path
from orchestration.settings import PROJECT_DIR, Settings

HOST = "127.0.0.1"
FIRST_PORT = 3000
_PORTS_TRIED = 50
_START_PAGE = "/asset-groups"
_READY_PAGE = "/server_info"
_PATIENCE_SECONDS = 180.0
_POLL_SECONDS = 0.5
_GOODBYE_SECONDS = 20.0


def address(port: int) -> str:
    """The page to open first."""
    return f"http://{HOST}:{port}{_START_PAGE}"


def free_port(first: int = FIRST_PORT) -> int:
    """The first port from `first` on that nobody listens on."""
    for port in range(first, min(first + _PORTS_TRIED, 65536)):
        with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            # As servers do, so that a port that was closed a moment ago counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise CommandError(
        f"no free port from {first} to {first + _PORTS_TRIED - 1} on {HOST}; the UI was not "
        "started; name one with --port"
    )


def serve(settings: Settings, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM, then end every process that was started.

    Raises CommandError when the UI does not come up; its words are in the log.
    """
    ensure_instance(settings)
    log_path = ui_log_path(settings)
    log = private_log(log_path)
    command = [
        *(sys.executable, "-W", "ignore", "-m", "dagster", "dev"),
        *("--host", HOST, "--port", str(port)),
        *("--workspace", str(PROJECT_DIR / "workspace.yaml")),
        *("--log-level", "warning"),
    ]
    with _ended_by_signals():
        # A session of its own: Ctrl-C reaches this process alone, which then ends the tree.
        server = subprocess.Popen(  # noqa: S603 (our own interpreter, arguments as a list)
            command,
            cwd=PROJECT_DIR,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        os.close(log)
        try:
            say(f" UI        starting on {address(port)}")
            _wait_until_ready(server, port, short_path(log_path))
            remember_ui(settings, address(port))
            say_block(
                [
                    ("UI", f"{address(port)}   Ctrl-C ends it   log {short_path(log_path)}"),
                    ("", "schedules run and runs queue while it is open"),
                ]
            )
            code = server.wait()
        except KeyboardInterrupt:
            say("\n UI        ending")
            return
        finally:
            forget_ui(settings)
            _end(server)
    raise CommandError(
        f"the UI ended by itself with exit code {code}; its words are in {short_path(log_path)}"
    )


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, log: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CommandError(
                f"the UI did not start (exit code {server.returncode}); its words are in {log}. "
                "What was published is served all the same"
            )
        if _answers(port):
            return
        time.sleep(_POLL_SECONDS)
    raise CommandError(
        f"the UI did not answer within {_PATIENCE_SECONDS:.0f} s; its words are in {log}"
    )


def _answers(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", _READY_PAGE)
        return connection.getresponse().status < 500  # noqa: PLR2004 (any answer of the server)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the whole tree to end, then make it."""
    for ask in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if server.poll() is None or ask is signal.SIGKILL:
            with suppress(ProcessLookupError):
                if ask is signal.SIGINT:
                    server.send_signal(ask)
                else:
                    os.killpg(server.pid, ask)
        with suppress(subprocess.TimeoutExpired):
            server.wait(_GOODBYE_SECONDS)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM (a supervisor, `timeout`) ends the UI as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
