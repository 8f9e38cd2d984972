"""Words between the person and us: kept in the case file, never in a mail (T-11)."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.cases.models import Case, Direction, Message
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput
from dsr_portal.core.ids import new_id
from dsr_portal.jobs.services import queue_effect
from dsr_portal.vault import services as vault

MAX_WORDS = 3000


def keep_message(
    case: Case, direction: Direction, words: str, *, by: str, at: datetime | None = None
) -> Message:
    """Keep what was said, in the caller's unit of work; `at` is when it reached us."""
    message_id = new_id()
    field = f"message.{message_id}"
    vault.write_small(case.file_unit, field, words.encode())
    return Message.objects.create(
        id=message_id,
        case=case,
        direction=direction,
        at=at or clock.now(),
        by=by,
        field=field,
    )


def has_mailbox(case: Case) -> bool:
    """Whether the person gave an e-mail address."""
    return bool(vault.read_json(case.contact_unit, "contact").get("email"))


def queue_needs_you(case: Case) -> None:
    """Queue the mail that says we need something; none where the person gave no address."""
    _queue_mail(case, "mail.needs_you")


def queue_wrote(case: Case) -> None:
    """Queue the mail that says words of ours wait on the page, and that nothing is needed."""
    _queue_mail(case, "mail.wrote")


def _queue_mail(case: Case, kind: str) -> None:
    if has_mailbox(case):
        queue_effect(
            kind=kind,
            subject_id=case.id,
            unique_key=f"{kind}:{case.id}:{clock.now():%Y%m%d%H%M%S%f}",
        )


def words_of(text: str, *, code: str, limit: int = MAX_WORDS) -> str:
    """What somebody wrote, without space around it; `BadInput` for nothing and for too much."""
    words = text.strip()
    if not words:
        raise BadInput(code, _("Write a few words."))
    require_room(words, limit=limit)
    return words


def require_room(words: str, *, limit: int = MAX_WORDS) -> None:
    """`BadInput("words_too_long")` that says by how much, in letters as a person counts them.

    A row of the vault takes bytes, and a letter of most scripts has two or three of them.
    """
    room = len(words.encode()[: vault.INLINE_BYTES].decode(errors="ignore"))
    over = len(words) - min(limit, room)
    if over > 0:
        raise BadInput(
            "words_too_long",
            ngettext(
                "This text is too long by %(over)s character. Shorten it or send two.",
                "This text is too long by %(over)s characters. Shorten it or send two.",
                over,
            )
            % {"over": over},
        )
