"""What the controller states of its product's query pictures: name, date, two persons (R16).

The pictures customers searched with, and stored results, are a store the portal does not search.
Answers print the statement in force as one nobody here checked, or that there is none.
"""

from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.documents.claims import big_words
from dsr_portal.gallery.channels import MAY_LIST
from dsr_portal.gallery.models import QueryPictureStatement

State = QueryPictureStatement.State


def propose(*, words: str, name: str, stated_on: date, actor: Actor) -> QueryPictureStatement:
    """Write down what somebody of the controller stated; another person has to agree."""
    _require(actor)
    words, name = words.strip(), name.strip()
    if not words or len(words) > 500 or not name or len(name) > 120:
        raise BadInput("statement_missing", _("Write what was stated, and by whom."))
    if stated_on > clock.today():
        raise BadInput("statement_date", _("The day of the statement lies in the future."))
    # With a sentence about a search before it: the words are read beside a result (R15).
    if found := big_words(f"search. {words}"):
        raise BadInput(
            "statement_claims",
            _('Leave out "%(word)s": no text beside a search says that.') % {"word": found[0].word},
        )
    with unit_of_work():
        row = QueryPictureStatement.objects.create(
            words=words,
            name=name,
            stated_on=stated_on,
            proposed_by=actor.id,
            proposed_at=clock.now(),
        )
        audit_event("statement.proposed", actor=actor, subject_id=row.id)
    return row


def approve(*, statement_id: UUID, actor: Actor) -> QueryPictureStatement:
    """Put a statement in force; never by who wrote it down."""
    _require(actor)
    with unit_of_work():
        row = QueryPictureStatement.objects.select_for_update().filter(id=statement_id).first()
        if row is None:
            raise NotFound("no_statement", _("There is no such statement."))
        if row.state != State.PROPOSED:
            raise Conflict("statement_settled", _("This statement is already settled."))
        if row.proposed_by == actor.id:
            raise NotAllowed("statement_two_persons", _("Another person must agree to this."))
        QueryPictureStatement.objects.filter(state=State.SERVING).update(state=State.REPLACED)
        row.state, row.approved_by, row.approved_at = State.SERVING, actor.id, clock.now()
        row.save(update_fields=["state", "approved_by", "approved_at"])
        audit_event("statement.approved", actor=actor, subject_id=row.id)
    return row


def current() -> QueryPictureStatement | None:
    return QueryPictureStatement.objects.filter(state=State.SERVING).first()


def waiting() -> list[QueryPictureStatement]:
    return list(QueryPictureStatement.objects.filter(state=State.PROPOSED).order_by("proposed_at"))


def _require(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in MAY_LIST:
        raise NotAllowed("statement_role", _("Supervisors and directors write statements down."))
