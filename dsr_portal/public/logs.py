"""Keeps the secret part of an answer's link out of every log line (R13, law P-10)."""

import logging
import re

_TOKEN = re.compile(r"(/answer/)[A-Za-z0-9_=-]{8,}")


class NoTokens(logging.Filter):
    """Masks the token in message and arguments; attached to the one handler there is."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _masked(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(_masked(value) for value in record.args)
        return True


def _masked(value: object) -> object:
    return _TOKEN.sub(r"\1(token)", value) if isinstance(value, str) else value
