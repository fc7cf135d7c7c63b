"""The first process of the container: takes on the right user, starts nfold, passes signals on, buries orphans.

Nothing but the standard library is imported here, and little of it: this process stays as long as nfold runs.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

NFOLD = "/opt/nfold/bin/nfold"
DATA = "/data"
USER = 10001
"""Who the service runs as when the container was started as user 0, nobody else was named, and root owns the data."""

LARGEST = 2**32 - 2
"""Of a user's number: Linux keeps 32 bits, and the last one means nobody."""

PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
MISUSE = 2


def user_of(environment: Mapping[str, str], uid: int, data: str = DATA) -> tuple[int, int] | None:
    """User and group to become, by PUID and PGID; None where the container was started as somebody already.

    Without PUID it is the owner of the data, so that a folder of root's is worked on by root.

    Raises:
        ValueError: One of them is no number.
    """
    if uid != 0:
        return None
    numbers = []
    for name in ("PUID", "PGID"):
        text = environment.get(name, environment.get("PUID"))
        if text is None:
            found = os.stat(data)  # noqa: PTH116 - pathlib would stay in memory for this alone
            text = str(found.st_uid if name == "PUID" else found.st_gid)
        if not (text.isascii() and text.isdigit()):
            raise ValueError(
                f"{name} is {text!r}, which is no number of a user or group, as `id -u` and `id -g` say it."
            )
        if int(text) > LARGEST:
            raise ValueError(f"{name} is {text}, which is more than any user or group has; the largest is {LARGEST}.")
        numbers.append(int(text))
    return numbers[0], numbers[1]


def become(user: int, group: int) -> None:
    """Give up user 0 for good."""
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def code_of(status: int) -> int:
    """The exit code for what `wait` says of a process; 128 and the signal for one that was killed."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def attend(command: Sequence[str]) -> int:
    """Run a command as the first process of a container has to: nobody else buries processes whose parent is gone."""
    names = {getattr(signal, name) for name in PASSED_ON}
    if sys.stdin is not None and sys.stdin.isatty():
        # The terminal sends these to both of us.
        names -= {signal.SIGINT, signal.SIGQUIT}
    # Held back until the child is there to have them.
    signal.pthread_sigmask(signal.SIG_BLOCK, names)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, names)
        os.execv(command[0], command)

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        os.kill(child, number)

    for number in names:
        signal.signal(number, pass_on)
    for number in {signal.SIGINT, signal.SIGQUIT} - names:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, names)
    while True:
        pid, status = os.wait()
        if pid == child:
            return code_of(status)


def main(arguments: Sequence[str]) -> int:
    """Start nfold with these arguments."""
    try:
        user = user_of(os.environ, os.getuid())
        if user is not None and user[0] == 0 and "PUID" not in os.environ and arguments[:1] == ["serve"]:
            # What strangers send is not handled as root, unless somebody says so.
            user = USER, user[1]
        if user is not None:
            become(*user)
    except ValueError as error:
        sys.stderr.write(f"nfold: {error}\n")
        return MISUSE
    except PermissionError:
        sys.stderr.write(
            "nfold: The container was started as user 0, and without the right to become another one.\n"
            '  Start it with --user "$(id -u):$(id -g)" in place of PUID and PGID.\n'
        )
        return MISUSE
    command = [NFOLD, *arguments]
    if os.getpid() != 1:
        os.execv(command[0], command)
    return attend(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
