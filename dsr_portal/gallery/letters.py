"""Notices to recipients as letters: made here, printed and posted by a person (Art. 19)."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.documents.models import Document, Kind
from dsr_portal.documents.templatetags.documents import moment
from dsr_portal.gallery import notices
from dsr_portal.gallery.models import Notice
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Permanent
from dsr_portal.vault import services as vault

TEMPLATE = "documents/recipient_notice.html"
SHEET = statements.to_office(
    "recipient_notice", *("what", "do", "look-ups", "answer"), law="Art. 19; A-05, E-06"
)
_ACTOR = Actor.system("recipient-notices")


def make_letter(ctx: JobContext) -> None:
    """Job gallery.notice_letter: the letter of one round, ready to be printed."""
    notice = Notice.objects.select_related("recipient", "channel").filter(id=ctx.subject_id).first()
    if notice is None or notice.channel is None or notice.state in notices.FINAL:
        return
    try:
        message = notices.message(notice)
    except NotFound as error:
        raise Permanent(error.code) from error
    language = settings.LANGUAGE_CODE
    with translation.override(language):
        what, do = notices.sentences(notice)
        prepared = documents.prepare_document(
            kind=Kind.LETTER,
            case_id=notice.case_id,
            reference=str(notice.id)[-12:],
            template=TEMPLATE,
            context={
                "to": f"{notice.recipient.name}\n{notice.channel.address}",
                "notice": notice,
                "what": what,
                "do": do,
                "look_ups": [
                    {**one, "at": moment(datetime.fromisoformat(one["at"]))}
                    for one in message["look_ups"]
                ],
            },
            language=language,
            title=_("Notice under Art. 19 GDPR"),
            sheet=SHEET,
        )
    with ctx.complete():
        document = prepared.save(actor=_ACTOR)
        notices.letter_made(notice_id=notice.id, document_id=document.id)


def purge(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: letters to recipients go with the case's file (law L-13)."""
    if reason != "purged":
        return
    letters = Document.objects.filter(case_id=case_id, template=TEMPLATE)
    vault.request_shred(list(letters.values_list("unit", flat=True)), reason="purged")
