"""How every command ends, so that scripts can tell a bad answer from a question never asked.

0: done, or the answer is yes. 1: looked at, and the answer is no, or a person has to look at what
is left. 2: it could not be asked or done.
What goes beyond these three says the command itself (docs/commands.md).
"""

from django.core.management.base import CommandError

from dsr_portal.core.errors import IntegrityFailure, PortalError

ANSWER_IS_NO = 1
NOT_ASKED = 2


def code_of(error: PortalError) -> int:
    """Stored data that are not what was written are an answer; every other refusal is none."""
    return ANSWER_IS_NO if isinstance(error, IntegrityFailure) else NOT_ASKED


def refused(error: PortalError) -> CommandError:
    """The error's words for the terminal, with its code, its context and the exit code."""
    context = ", ".join(f"{name} {value}" for name, value in error.context.items())
    said = f"{error.message} ({error.code}{': ' if context else ''}{context})"
    return CommandError(said, returncode=code_of(error))


def not_asked(message: str) -> CommandError:
    """What was given can't be worked with: what, why and what to do."""
    return CommandError(message, returncode=NOT_ASKED)
