"""The one family of errors that a user can meet."""


class CdtnetError(Exception):
    """Something the user can put right; the message says what is wrong and what to do, in a sentence."""


class PictureError(CdtnetError):
    """A picture or mask that cannot be read, used, or held by a format."""


class WriteError(CdtnetError):
    """A file that cannot be written."""


class WeightsError(CdtnetError):
    """Weights that are unknown, unreadable, or do not fit the model."""


class DataError(CdtnetError):
    """A folder of photographs or a run folder that cannot be used."""
