"""What named persons are told: that a stop was lifted (R19), that a breach is open (Art. 33)."""

from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases.texts import day_words
from dsr_portal.compliance import breaches, collection, director, order_alarms
from dsr_portal.compliance.models import Breach, DirectorPage, OrderAlarm, StopLift
from dsr_portal.core import links
from dsr_portal.core.errors import NotFound
from dsr_portal.core.registries import Mail, MailAbout, Pace, Reader, register_mail

LIFT = MailAbout(
    Reader.STAFF,
    gettext_lazy("A stop of collection was lifted"),
    "two persons lifted a stop of collection; to every data protection officer",
    "speak to the accountable director if it looks wrong",
    links=0,
)
BREACH = MailAbout(
    Reader.STAFF,
    gettext_lazy("A breach was opened: 72 hours"),
    "a breach was opened; to everybody who may notify it",
    "write down the facts at the desk",
)
PAGE = MailAbout(
    Reader.STAFF,
    gettext_lazy("%(what)s"),
    "a page was served to the accountable director ([oversight](oversight.md))",
    "read the page and answer it",
)
ALARM = MailAbout(
    Reader.STAFF,
    gettext_lazy("%(what)s"),
    "the date of an order is three days or one day away, or was missed; to the persons it names",
    "open the order at the desk",
    Pace.SCHEDULE,
)


class LiftNotice:
    """One mail for each stop that two persons lifted, to every data protection officer."""

    def render(self, subject_id: UUID) -> Mail:
        row = StopLift.objects.select_related("stop__source").get(pk=subject_id)
        officers = Staff.objects.filter(role=Role.DPO, is_active=True)
        text = _(
            "Collected again: %(what)s.\n"
            "Proposed by %(first)s, agreed to by %(second)s.\n"
            "You need not do anything. If this looks wrong, speak to the accountable director."
        ) % {
            "what": collection.words_of(row.stop),
            "first": row.proposed_by,
            "second": row.decided_by,
        }
        return Mail(
            to=", ".join(officers.values_list("email", flat=True)),
            subject=str(LIFT.subject),
            text=text,
        )


class BreachNotice:
    """One mail for each breach, to everybody who may notify it; what happened is at the desk."""

    def render(self, subject_id: UUID) -> Mail:
        row = Breach.objects.get(pk=subject_id)
        people = Staff.objects.filter(role__in=breaches.MAY_NOTIFY, is_active=True)
        until = timezone.localtime(breaches.due_at(row))
        text = _(
            "A breach was opened. The 72 hours end on %(day)s at %(hour)s.\n%(link)s\n"
            "Write down the facts and notify the authority, or decide with two persons not to."
        ) % {
            "day": f"{until:%Y-%m-%d}",
            "hour": f"{until:%H:%M}",
            "link": links.url_for("desk", "desk:breach", breach_id=row.id),
        }
        return Mail(
            to=", ".join(people.order_by("staff_no").values_list("email", flat=True)),
            subject=str(BREACH.subject),
            text=text,
        )


class PageServed:
    """One mail for each page to its director: where it lies, and nothing of a person."""

    def render(self, subject_id: UUID) -> Mail:
        row = DirectorPage.objects.get(pk=subject_id)
        person = Staff.objects.filter(staff_no=row.to, is_active=True).first()
        if person is None:
            raise NotFound("no_director")
        text = _("%(what)s. You are asked to read one page and to answer it:\n%(link)s") % {
            "what": row.get_kind_display(),
            "link": links.url_for("desk", "desk:director_page", page_id=row.id),
        }
        to = [person.email]
        if row.times >= director.DPO_FROM:
            dpos = Staff.objects.filter(role=Role.DPO, is_active=True)
            to += dpos.order_by("staff_no").values_list("email", flat=True)
        if row.times > 1:
            text += "\n" + _("It was served %(times)s times and nobody answered it.") % {
                "times": row.times
            }
        subject = str(PAGE.subject) % {"what": row.get_kind_display()}
        return Mail(to=", ".join(to), subject=subject, text=text)


class OrderDue:
    """One mail for each person and step: which order by its link, and its date as written."""

    def render(self, subject_id: UUID) -> Mail:
        row = OrderAlarm.objects.select_related("order").get(pk=subject_id)
        person = Staff.objects.filter(staff_no=row.to, is_active=True).first()
        if person is None:
            raise NotFound("no_person")
        words = {"what": row.get_code_display()}
        text = _("%(what)s. The authority wrote: by %(day)s.\n%(link)s") % {
            **words,
            "day": day_words(row.order.due_on),
            "link": links.url_for("desk", "desk:order", order_id=row.order_id),
        }
        return Mail(to=person.email, subject=str(ALARM.subject) % words, text=text)


register_mail(order_alarms.TOLD, OrderDue(), ALARM)
register_mail(director.SERVED, PageServed(), PAGE)
register_mail(breaches.OPENED, BreachNotice(), BREACH)
register_mail(collection.LIFTED, LiftNotice(), LIFT)
