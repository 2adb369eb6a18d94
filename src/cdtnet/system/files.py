"""Checks of files to be read."""

import errno
import os
import stat


def check_regular(path: str | os.PathLike[str]) -> None:
    """Refuse pipes and devices, which could block forever.

    Raises:
        OSError: The file is missing, or is a pipe or a device.
    """
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))
