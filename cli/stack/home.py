"""The folder of everything embedded: private, and used by one stack at a time."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from cli.stack.errors import HomeInUse, HomeUnusable

# sun_path holds 108 bytes on Linux, 104 on macOS, the final NUL included.
LONGEST_SOCKET_PATH = 100


class Home:
    """Claims the folder until `close`. Raises HomeUnusable or HomeInUse."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._elsewhere: Path | None = None
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeUnusable(path, error.strerror or str(error)) from error
        self._claim()

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def socket_folder(self) -> Path:
        """A private folder whose path is short enough for a Unix socket in it."""
        folder = self.path / "redis"
        if len(os.fsencode(folder / "redis.sock")) > LONGEST_SOCKET_PATH:
            self._elsewhere = folder = Path(tempfile.mkdtemp(prefix="captions-"))
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        return folder

    def close(self) -> None:
        if self._elsewhere is not None:
            shutil.rmtree(self._elsewhere, ignore_errors=True)
        os.close(self._lock)

    def _claim(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(self._lock, 32).decode()
            os.close(self._lock)
            raise HomeInUse(self.path, owner) from error
        os.ftruncate(self._lock, 0)
        os.write(self._lock, str(os.getpid()).encode())
