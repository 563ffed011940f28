"""Everything that captioning refuses, as one tree.

CaptioningError
├── CheckpointError       a checkpoint that cannot be used
├── CaptionOptionsError   options that no captioner can follow
├── DatasetError          a data set that cannot be read
├── FeaturesError         a cache of encoded pictures that cannot be used
├── WeightsError          a file of weights that is not what it must be
├── OutputError           a place where nothing can be written
└── TrainingError         a training that cannot start or go on
    ├── SettingError      a setting of its file that it cannot follow
    └── DivergedError     the loss is no longer a number
"""

from pathlib import Path


class CaptioningError(Exception):
    """Captioning failed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class CheckpointError(CaptioningError):
    """The checkpoint cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class CaptionOptionsError(CaptioningError):
    """The caption options cannot be followed."""


class DatasetError(CaptioningError):
    """The data set cannot be read."""

    def __init__(self, path: Path, reason: str, line: int | None = None) -> None:
        place = str(path) if line is None else f"{path}, line {line}"
        super().__init__(f"{place}: {reason}")
        self.path = path
        self.reason = reason
        self.line = line


class FeaturesError(CaptioningError):
    """The encoded pictures cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class WeightsError(CaptioningError):
    """The weights cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class OutputError(CaptioningError):
    """The result cannot be written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: cannot be written: {reason}")
        self.path = path
        self.reason = reason


class TrainingError(CaptioningError):
    """The training cannot start or go on."""


class SettingError(TrainingError):
    """A setting of the training cannot be followed."""

    def __init__(self, setting: str, reason: str, file: Path | None = None) -> None:
        """setting: as the file has it, such as `[data] longest = 0`; file: once it is known."""
        places = (str(file or ""), setting)
        super().__init__(": ".join([*filter(None, places), reason]))
        self.setting, self.reason, self.file = setting, reason, file

    def of(self, file: Path) -> "SettingError":
        return SettingError(self.setting, self.reason, self.file or file)


class DivergedError(TrainingError):
    """The loss is no longer a number: lower the learning rate, or look for broken features."""


def reason_of(error: Exception) -> str:
    """What an error says, without the name of the file, which the sentence around it has."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
