"""What never reaches a log line: the secret part of a link and the reference of a case.

A reference leads to a person for everybody at the desk (R13, law P-10). The whole line is masked
after it was put together, so that arguments of any type and the text of an exception count, too.
"""

import logging
import re

from dsr_portal.core import references

# Every route with a token stands here; a test walks the sites' routes and names one that doesn't.
_BEFORE = r"/answer/|/invitation/|/address/|/acting/set-up/|/acting/link/|/account/start/[^/\s]+/"
_TOKEN = re.compile(rf"({_BEFORE})[A-Za-z0-9_=-]{{8,}}")
# Pages of a case carry its reference as it was typed, right or wrong.
_PAGE = re.compile(r"(/cases/)[^/\s]+")
_LETTER = f"[{references.ALPHABET}]"
_REFERENCE = re.compile(rf"\b{_LETTER}{{3}}-{_LETTER}{{4}}\b")


class Masked(logging.Formatter):
    """The formatter of the one handler there is."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def masked(line: str) -> str:
    line = _TOKEN.sub(r"\1(token)", line)
    line = _PAGE.sub(r"\1(reference)", line)
    return _REFERENCE.sub("(reference)", line)
