"""What the AI Act asks a high-risk system to say of itself, in one place (AI-02, AI-06).

Five items: instructions, accuracy, limits, oversight by people, explanation of a decision. The help
page at the desk and every audit report print the same ones. And the controller's statement about
the ban of Art. 5(1)(e), which two persons sign or which is printed as not stated.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.compliance.assessment_paper import person
from dsr_portal.compliance.models import BanStatement
from dsr_portal.compliance.statistics import yearly_test
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.documents.templatetags.documents import day
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import calibration

MAY_STATE = frozenset({Role.SUPERVISOR, Role.DIRECTOR})
LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Item:
    """One of the five, with the article that asks for it."""

    name: str
    law: str
    heading: str
    text: str


def items() -> list[Item]:
    """The five items of Art. 13, 14, 15, 26 and 86 as they are true now."""
    return [
        Item(
            "instructions",
            "Art. 13, 26(1)",
            _("Instructions for use"),
            _(
                "Find pictures of the person who asks, and of nobody else; only in a request of "
                "theirs, with a photo they sent and agreed to have compared. Look at each possible "
                "match yourself. The full instructions are on the help page of the desk and in the "
                "program's documentation."
            ),
        ),
        Item("accuracy", "Art. 13(3)(b)(ii), 15", _("Accuracy"), _accuracy()),
        Item(
            "limits",
            "Art. 13(3)(b)(iii)",
            _("Limits"),
            _(
                "A search can miss pictures: profiles, masks, small or dark faces, childhood. It "
                "can show strangers who look alike, relatives above all. How it does for groups of "
                "people was not tested. A score is no probability."
            ),
        ),
        Item(
            "oversight",
            "Art. 14, 26(2)",
            _("Oversight by people"),
            _(
                "No match is accepted by the program. A trained person decides about each, a "
                "second one, who is drawn, decides without seeing the first decision; a supervisor "
                "where they differ. Any of them can stop: what is not sure is not used. Every step "
                "is logged in the audit trail (Art. 12, 26(6))."
            ),
        ),
        Item(
            "explanation",
            "Art. 86",
            _("Explanation of a decision"),
            _(
                "The program proposed pictures whose face code lies near that of the photo. Two "
                "people compared the faces and decided. What they decided, on what, and how to "
                "object stands in the answer; the person can ask for a person to explain it."
            ),
        ),
    ]


def _accuracy() -> str:
    threshold = float(policy.current("review_threshold"))
    measured = calibration.measured_misses(threshold)
    words = _("Missed of a person's pictures at the threshold in force: not tested here.")
    if measured is not None:
        words = _("Missed of a person's pictures at the threshold in force: %(missed)s.") % {
            "missed": f"{100 * measured.missed:.1f} %"
        }
    return words + " " + _("Yearly test: %(test)s.") % {"test": yearly_test()}


# -- the ban of Art. 5(1)(e) --------------------------------------------------------------------


def state(*, stopped_on: date, proof: str, actor: Actor) -> BanStatement:
    """Write down since when no faces are collected from the internet, and what shows it."""
    if not actor.is_human_staff or actor.role not in MAY_STATE:
        raise NotAllowed("statement_role", _("Your role does not include this."))
    if stopped_on > clock.today():
        raise BadInput("day_ahead", _("The day can't be in the future."))
    if not proof.strip() or len(proof) > LONGEST:
        raise BadInput(
            "proof_missing", _("Write what shows it: an order, a log, a contract ended.")
        )
    with unit_of_work():
        row = BanStatement.objects.create(
            stopped_on=stopped_on,
            proof=proof.strip(),
            written_by=actor.id,
            written_at=clock.now(),
        )
        record("statement.written", actor=actor, subject_id=row.id, stopped_on=stopped_on)
    return row


def sign(*, statement_id: UUID, actor: Actor) -> BanStatement:
    """Another director signs it; it is printed from then on."""
    if not actor.is_human_staff or actor.role != Role.DIRECTOR:
        raise NotAllowed("statement_director", _("A director signs it."))
    with unit_of_work():
        row = BanStatement.objects.select_for_update().filter(id=statement_id).first()
        if row is None:
            raise NotFound("no_statement", _("There is no such statement."))
        if row.signed_at is not None:
            raise Conflict("signed_already", _("It is signed already."))
        if row.written_by == actor.id:
            raise NotAllowed("second_person", _("You wrote it, so another director signs."))
        row.signed_by, row.signed_at = actor.id, clock.now()
        row.save(update_fields=["signed_by", "signed_at"])
        record("statement.signed", actor=actor, subject_id=row.id, stopped_on=row.stopped_on)
    return row


def signed() -> BanStatement | None:
    """The statement that counts: the one signed last."""
    return BanStatement.objects.exclude(signed_at=None).order_by("-signed_at").first()


def unsigned() -> list[BanStatement]:
    return list(BanStatement.objects.filter(signed_at=None).order_by("-written_at"))


def statement_words() -> str:
    """As an audit report prints it; unknown is printed as unknown (AI-02)."""
    row = signed()
    if row is None:
        return _("date collection stopped: not stated by the controller")
    return _(
        "date collection stopped: %(day)s; proof: %(proof)s; signed by %(who)s on %(signed)s"
    ) % {
        "day": day(row.stopped_on),
        "proof": row.proof,
        "who": person(row.signed_by),
        "signed": day(row.signed_at),
    }
