"""What recipients get by mail and call; opened from the case's file when it is sent (Art. 19)."""

import json
from functools import partial
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.core.errors import NotFound
from dsr_portal.core.registries import (
    Call,
    Mail,
    MailAbout,
    Pace,
    Reader,
    callers,
    egress_lists,
    register_mail,
    send_ends,
)
from dsr_portal.documents import statements
from dsr_portal.gallery import channels, notices, webhooks
from dsr_portal.gallery.letters import SHEET
from dsr_portal.gallery.models import Notice

ABOUT = MailAbout(
    Reader.RECIPIENT,
    gettext_lazy("Notice %(number)s under Art. 19 GDPR"),
    "records shown to this recipient were erased, locked or corrected, and the person was told",
    "do the same with what was shown, and answer with the number of the notice",
    Pace.DAILY,
    links=0,
)


class NoticeMail:
    """A notice as a mail to a company."""

    def render(self, subject_id: UUID) -> Mail:
        notice, address = _told_at(subject_id)
        facts = notices.message(notice)
        what, do = notices.sentences(notice)
        text = render_to_string(
            "mail/recipient_notice.txt",
            {
                "facts": facts,
                "notice": notice,
                "what": what,
                "do": do,
                "controller": settings.DSR_CONTROLLER,
            },
        )
        statements.refuse_words(
            text,
            SHEET,
            {
                "what": [what],
                "do": [do],
                "look-ups": [one["record"] for one in facts["look_ups"]],
                "answer": [str(notice.id), settings.DSR_CONTROLLER["email"]],
            },
        )
        subject = str(ABOUT.subject) % {"number": str(notice.id)[-12:]}
        return Mail(to=address, subject=subject, text=text)


class NoticeCall:
    """A notice as a signed call to a recipient's system."""

    def render(self, subject_id: UUID) -> Call:
        notice, address = _told_at(subject_id)
        body = json.dumps(notices.message(notice), sort_keys=True).encode()
        return Call(
            url=address,
            body=body,
            headers=lambda message_id: webhooks.headers(message_id, body),
            taken=partial(notices.take_answer, notice.id),
        )


def _told_at(notice_id: UUID) -> tuple[Notice, str]:
    """The notice and the address of the channel it was released to, while that one serves."""
    notice = Notice.objects.select_related("recipient", "channel").filter(id=notice_id).first()
    if notice is None or notice.channel is None or notice.state in notices.FINAL:
        raise NotFound("notice_settled", _("This notice is settled."))
    serving = channels.serving(notice.recipient_id)
    if serving is None or serving.id != notice.channel_id:
        raise NotFound("channel_replaced", _("This address is not in use any more."))
    return notice, notice.channel.address


register_mail(notices.MAIL, NoticeMail(), ABOUT)
callers.register(notices.CALL, NoticeCall())
for _kind in (notices.MAIL, notices.CALL):
    send_ends.register(_kind, notices.note_end)
egress_lists.register("recipients", channels.is_listed)
