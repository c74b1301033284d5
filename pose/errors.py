"""The error tree: failures whose cause a user can act on.

Every message is one line: what happened, what was expected, the next step. The command line prints it
without a traceback and exits with :attr:`PoseSyncError.exit_code`.
"""

from __future__ import annotations


class PoseSyncError(Exception):
    """Base of every error that PoseSync raises on purpose."""

    exit_code = 2


class SourceError(PoseSyncError):
    """A video, camera, stream or image folder cannot be opened or read."""


class ModelError(PoseSyncError):
    """A model file is missing, corrupt or not of the expected shape, or ONNX Runtime is not installed."""


class ReferenceFileError(PoseSyncError):
    """A prepared reference cannot be made, loaded or saved."""


class ConfigError(PoseSyncError):
    """A configuration file has an unknown key, a wrong type or a value out of range."""


class OutputError(PoseSyncError):
    """A file cannot be written: the disk is full, the folder is missing or read-only.

    Attributes:
        reason: why, in a few words for a screen; "" when the message alone says it.
    """

    def __init__(self, message: str = "", *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class DisplayError(PoseSyncError):
    """There is no screen to open a window on."""


class InvalidDataError(PoseSyncError, ValueError):
    """Arrays given to a public function have the wrong shape, order or range."""
