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
    """A data set, or the folder or file of a batch, a training run, an evaluation or a study, is unusable."""


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Wrap imports of an extra's packages, to name the extra if it is not installed.

    Args:
        extra: The name of the extra in pyproject.toml.
        what: The subject of the message: what needs the extra.

    Raises:
        CdtnetError: A module of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise CdtnetError(f"{what} needs {error.name}: pip install 'cdtnet[{extra}]'.") from error
