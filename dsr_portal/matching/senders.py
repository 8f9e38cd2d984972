"""What supervisors and the data protection officer are told of opened cases (law X-09)."""

from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.accounts.models import Staff
from dsr_portal.cases.texts import day_words
from dsr_portal.core import links
from dsr_portal.core.errors import NotFound
from dsr_portal.core.registries import Mail, MailAbout, Pace, Reader, register_mail
from dsr_portal.matching.browsing import MAIL
from dsr_portal.matching.browsing_models import BrowsingAlarm

ABOUT = MailAbout(
    Reader.STAFF,
    gettext_lazy("Many cases opened that were not their work"),
    "one person of staff opened more cases than the setting `cases_not_own` on one day",
    "look at the list at the desk, ask the person",
    Pace.SCHEDULE,
)


class BrowsingMail:
    """Who and how many, by staff number; no case and no person in it."""

    def render(self, subject_id: UUID) -> Mail:
        row = BrowsingAlarm.objects.filter(id=subject_id).first()
        person = Staff.objects.filter(staff_no=row.to, is_active=True).first() if row else None
        if row is None or person is None:
            raise NotFound("no_alarm")
        text = _(
            "%(who)s opened %(opened)s cases on %(day)s that were not their work.\n"
            "The list with the reasons: %(desk)s\n"
        ) % {
            "who": row.staff_no,
            "opened": row.opened,
            "day": day_words(row.on),
            "desk": links.url_for("desk", "desk:openings"),
        }
        return Mail(to=person.email, subject=str(ABOUT.subject), text=text)


register_mail(MAIL, BrowsingMail(), ABOUT)
