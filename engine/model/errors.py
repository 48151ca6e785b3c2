"""The exception tree.

CockpitError
├─ ConfigError             a person can mend it: message, exit code 2
├─ VenueError
│  ├─ VenueUnreachable     the shell retries what is safe to repeat
│  ├─ HeldBack             stopped at the last moment, nothing was sent
│  ├─ KeyRefused           the venue does not take the key, exit code 6
│  ├─ VenuePayloadError    the frame is counted and skipped
│  └─ UnsupportedByVenue   nothing was sent: it has no such order or request
├─ RecordingError          a capture file that cannot be read
├─ StorageError
│  ├─ StorageUnavailable   the disk refuses for now: full, failing, read-only
│  ├─ JournalCorrupt       what was durable is damaged: no start until a person accepts it
│  └─ JournalNotOurs       sound, but of another account or a newer version: left alone
├─ FolderInUse             another engine owns the data folder, exit code 3
├─ EngineNotStarted        the engine's process said why, with its own exit code
├─ ScreenRefused           no terminal, or one that is too small, exit code 2
├─ PortError
│  ├─ PortClosed
│  └─ SchemaMismatch
└─ InvariantBroken         a programmer's error: stop, exit code 70
"""


class CockpitError(Exception):
    """Base of everything that the cockpit raises on purpose."""


class ConfigError(CockpitError):
    """A setting, path or name that a person can correct."""


class VenueError(CockpitError):
    """Something a venue did, or did not do."""


class VenueUnreachable(VenueError):
    """The venue could not be reached; trying again may help.

    Args:
        reason: What went wrong, in our words.
        was_sent: False only where it is certain that nothing of the request has left.
    """

    def __init__(self, reason: str, *, was_sent: bool = True) -> None:
        self.was_sent = was_sent
        super().__init__(reason)


class HeldBack(VenueError):
    """Something was stopped at the last moment; nothing of it was sent."""


class KeyRefused(VenueError):
    """The venue does not take the key, or takes it for too little."""

    exit_code = 6


class VenuePayloadError(VenueError):
    """A frame that does not say what its venue documents.

    Args:
        field: What was wrong, in the venue's own words where there are any.
        excerpt: The offending text; cut to 120 characters.
    """

    def __init__(self, field: str, excerpt: str = "") -> None:
        self.field = field
        self.excerpt = excerpt[:120]
        super().__init__(f"{field}: {self.excerpt!r}" if excerpt else field)


class UnsupportedByVenue(VenueError):
    """The venue has no such order or request; nothing was sent."""


class RecordingError(CockpitError):
    """A capture that is missing, damaged, empty or not a capture."""


class StorageError(CockpitError):
    """Something went wrong between us and what we keep."""


class StorageUnavailable(StorageError):
    """The disk refused; trying again may help.

    Args:
        path: What was to be read or written.
        problem: What the system says about it.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class JournalCorrupt(StorageError):
    """A journal lacks, or holds wrongly, what was durable in it; going on would forget orders.

    Args:
        path: The damaged file.
        offset: The first byte of it that cannot be relied upon.
        problem: What does not fit there.
    """

    def __init__(self, path: str, offset: int, problem: str) -> None:
        self.path = path
        self.offset = offset
        self.problem = problem
        super().__init__(f"{path} is damaged at byte {offset}: {problem}")


class JournalNotOurs(StorageError):
    """A sound journal that this program, or this account, must not go on from."""


class FolderInUse(CockpitError):
    """Another engine owns the data folder."""

    exit_code = 3


class EngineNotStarted(CockpitError):
    """The engine's process said why it cannot run; `exit_code` is its own."""

    def __init__(self, reason: str, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(reason)


class ScreenRefused(CockpitError):
    """There is no terminal that a screen could use."""

    exit_code = 2


class PortError(CockpitError):
    """Something went wrong between a screen and the engine."""


class PortClosed(PortError):
    """The other side of the port is gone."""


class SchemaMismatch(PortError):
    """Screen and engine speak different versions of the port."""


class InvariantBroken(CockpitError):
    """A state that the program's own rules exclude; nothing may go on after it."""
