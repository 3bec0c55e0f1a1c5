"""elman.log, which keeps every line of a run; where it cannot be written, one line says so and the run goes on."""

import logging
import sys
from contextlib import suppress

from elman.cli.echo import tell


class LogFile(logging.FileHandler):
    """Writes log records into a file until that fails, as it does on a full disk."""

    _has_ended = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless an earlier one could not be written."""
        if self._has_ended:
            return
        try:
            super().emit(record)
        except OSError as error:  # it opens the file with the first record
            self._end(error)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - a method of logging's
        """Stop writing after an error of the system."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._end(error)
        else:
            super().handleError(record)

    def _end(self, error: OSError) -> None:
        self._has_ended = True
        tell(f"{self.baseFilename} is not written any more: {error.strerror}")
        with suppress(OSError):
            self.close()
