"""The errors that users can see."""

from collections.abc import Iterator
from contextlib import contextmanager


class CdtnetError(Exception):
    """An error that the user can correct; the message says in a sentence what is wrong and what to do."""


class PictureError(CdtnetError):
    """A picture or mask that cannot be read, used, or held by a format."""


class WriteError(CdtnetError):
    """A file that cannot be written."""


class WeightsError(CdtnetError):
    """Weights that are unknown, unreadable, or do not fit the model."""


class DataError(CdtnetError):
    """A folder of photographs or a run folder that cannot be used."""


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Around imports of what an extra brings: says so, if it is not installed.

    Args:
        extra: of this package, by its name in pyproject.toml.
        what: that which needs it, to begin the sentence with.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise CdtnetError(f"{what} needs {error.name}: pip install 'cdtnet[{extra}]'.") from error
