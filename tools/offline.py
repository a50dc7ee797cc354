"""Run a command that reaches this machine and no other: `python -m tools.offline <command>`.

Linux gives a process a network of its own, in which there is nothing but the loopback; every
child is in it too, whatever language opens its sockets. Elsewhere, or where the kernel forbids
it, the command is not started (exit code 77). `--check` only says whether it would be.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

NOT_POSSIBLE = 77
"""Exit code of a command that was not started; others are the command's own."""

_NEW_USER = 0x10000000
_NEW_NETWORK = 0x40000000
_SET_FLAGS = 0x8914
_UP = 0x1
_NAME_AND_FLAGS = "16sh22x"


class NotPossibleError(RuntimeError):
    """This system gives no network of one's own; the message says why."""


def leave_the_network() -> None:
    """Move this process into a network that has only the loopback, for good.

    Raises NotPossibleError where the system has no such thing or forbids it.
    """
    if not sys.platform.startswith("linux"):
        raise NotPossibleError(f"{sys.platform} has no network namespaces")
    user, group = os.getuid(), os.getgid()
    if not _unshare(_NEW_NETWORK):
        # Whoever may not do it on this system may do it inside a user namespace.
        if not _unshare(_NEW_USER | _NEW_NETWORK):
            raise NotPossibleError("the kernel allows no network namespace here")
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack(_NAME_AND_FLAGS, b"lo", _UP))


def unreachable_count() -> int:
    """How often a process of this network asked for an address that it cannot reach.

    Counted by the kernel, so an attempt that somebody swallowed is counted as well.
    """
    lines = [line.split() for line in Path("/proc/net/snmp").read_text("ascii").splitlines()]
    names, values = (line for line in lines if line[0] == "Ip:")
    count = int(values[names.index("OutNoRoutes")])
    newer = Path("/proc/net/snmp6")
    if newer.exists():
        for line in newer.read_text("ascii").splitlines():
            name, value = line.split()
            count += int(value) if name == "Ip6OutNoRoutes" else 0
    return count


def _unshare(flags: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.EPERM, errno.EINVAL, errno.ENOSPC, errno.ENOSYS}:
        return False
    raise OSError(number, os.strerror(number))


def main(arguments: list[str]) -> int:
    """Start the command in the place of this process."""
    if not arguments:
        print("usage: python -m tools.offline [--check | <command> …]", file=sys.stderr)
        return 2
    try:
        leave_the_network()
    except (NotPossibleError, OSError) as error:
        print(f"the network cannot be denied: {error}; nothing was started", file=sys.stderr)
        return NOT_POSSIBLE
    if arguments == ["--check"]:
        return 0
    return os.execvp(arguments[0], arguments)  # noqa: S606 (the command is the caller's)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
