"""Accounts of staff. Every change takes two persons; the first two accounts come from the machine
and stand in the trail as made by the operator (rule R19)."""

import contextlib
from datetime import date, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import ProposalKind, ProposalState, Role, Staff, StaffProposal
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock, links
from dsr_portal.core.actor import Actor, ActorKind
from dsr_portal.core.clock import today
from dsr_portal.core.errors import BadInput, Conflict, IntegrityFailure, NotAllowed, NotFound
from dsr_portal.jobs.services import queue_effect

# Who may propose and approve; the first two accounts must be of these, or nobody could go on. The
# data protection officer advises and is told, but decides nothing (law G-02).
APPROVERS = (Role.SUPERVISOR, Role.DIRECTOR)
NOTICE = "accounts.notice"
FIRST_ACCOUNTS = 2
KEEP_DECIDED = timedelta(days=3 * 365 + 1)


# Who is acting ------------------------------------------------------------------------------


def actor_for(staff: Staff) -> Actor:
    """The plain values of a person of staff for services and the trail."""
    kind: ActorKind = "regulator" if staff.role == Role.REGULATOR else "staff"
    return Actor(id=staff.staff_no, role=str(staff.role), kind=kind)


def staff_by_number(staff_no: str) -> Staff:
    """The active account with this number, for `--as STAFFNO` (R20)."""
    found = Staff.objects.filter(staff_no=staff_no.strip().upper(), is_active=True).first()
    if found is None:
        raise NotFound("staff_unknown", _("There is no active account with this staff number."))
    return found


def require_role(staff: Staff, *roles: str) -> None:
    """Refuse whoever has none of these roles, or may not sign in any more."""
    if not staff.is_active or staff.role not in roles:
        raise NotAllowed("role", _("Your role does not include this."), role=str(staff.role))


def is_trained(staff: Staff) -> bool:
    """Reviewing takes a training that has not run out (law P-17)."""
    return staff.trained_until is not None and staff.trained_until >= today()


def require_trained(staff: Staff) -> None:
    if not is_trained(staff):
        raise NotAllowed(
            "training",
            _(
                "Your training has run out. Until a supervisor or the director has noted the new "
                "one under People, you see how many cases there are and nothing in them."
            ),
        )


def set_training(*, by: Staff, staff: Staff, until: date) -> None:
    """A supervisor or director notes until when somebody else is trained."""
    require_role(by, *APPROVERS)
    require_distinct(by, staff)
    with unit_of_work():
        row = Staff.objects.select_for_update().get(pk=staff.pk)
        row.trained_until = until
        row.save(update_fields=["trained_until"])
        record(
            "staff.trained", actor=actor_for(by), subject_id=row.pk, staff=row.staff_no, until=until
        )
    staff.trained_until = until


def require_distinct(*staff: Staff) -> None:
    """Refuse when two of these are one person; one person has one account (R19)."""
    if len({one.pk for one in staff}) != len(staff):
        raise NotAllowed("two_persons", _("This takes a second person."))


# Accounts -----------------------------------------------------------------------------------


def create_staff(
    *,
    actor: Actor,
    staff_no: str,
    display_name: str,
    email: str,
    role: str,
    password: str | None = None,
    authority_code: str = "",
    trained_until: date | None = None,
) -> Staff:
    """Make an account without a second person: only the first two, by the operator, and the demo.

    All later accounts: `propose_staff` and `approve_staff`.
    """
    with unit_of_work():
        if not settings.DSR_DEMO:
            _refuse_more_than_first(actor, role)
        staff = _insert(
            staff_no=staff_no,
            display_name=display_name,
            email=email,
            role=role,
            authority_code=authority_code,
            trained_until=trained_until,
            password=password,
        )
        how = "demo" if settings.DSR_DEMO else "command"
        record(
            "staff.created",
            actor=actor,
            subject_id=staff.pk,
            staff=staff.staff_no,
            role=str(staff.role),
            how=how,
        )
    return staff


def _refuse_more_than_first(actor: Actor, role: str) -> None:
    if actor.kind != "operator":
        raise NotAllowed("operator_only", _("A new account takes two persons."))
    if Staff.objects.count() >= FIRST_ACCOUNTS:
        raise NotAllowed(
            "two_persons",
            _(
                "The first two accounts exist. Further ones are proposed by one of them and "
                "approved by the other: at the desk under People, or with `staff propose`."
            ),
        )
    if role not in APPROVERS:
        raise NotAllowed(
            "first_accounts_approve",
            _(
                "The first two accounts must be able to approve others: supervisor or accountable "
                "director."
            ),
        )


def _draft(*, staff_no: str, email: str, **facts: Any) -> Staff:
    """An unsaved account; number and address in their one written form."""
    return Staff(staff_no=staff_no.strip().upper(), email=email.strip().lower(), **facts)


def _insert(*, password: str | None, **facts: Any) -> Staff:
    staff = _draft(**facts)
    if password is None:
        staff.set_unusable_password()
    else:
        check_password(password, staff)
        staff.set_password(password)
    try:
        staff.full_clean()
        staff.save(force_insert=True)
    except ValidationError as error:
        raise BadInput("staff_facts", " ".join(error.messages)) from error
    except IntegrityError as error:
        raise Conflict("staff_exists", _("There is an account with this number.")) from error
    return staff


def check_password(password: str, staff: Staff) -> None:
    """Refuse short, common and guessable passwords with the reason in words."""
    try:
        validate_password(password, staff)
    except ValidationError as error:
        raise BadInput("password_weak", " ".join(error.messages)) from error


def set_password(*, staff: Staff, password: str) -> None:
    """A person of staff chooses a password through their own link."""
    check_password(password, staff)
    with unit_of_work():
        staff.set_password(password)
        staff.save(update_fields=["password"])
        record(
            "staff.password_set", actor=actor_for(staff), subject_id=staff.pk, staff=staff.staff_no
        )


def start_link(staff: Staff) -> str:
    """The one-time link to choose a password; it ends with the first use or after three days."""
    site = "oversight" if staff.role == Role.REGULATOR else "desk"
    return links.url_for(
        site,
        "staff_start",
        uid=urlsafe_base64_encode(force_bytes(staff.pk)),
        token=default_token_generator.make_token(staff),
    )


# Two persons --------------------------------------------------------------------------------


def propose_staff(
    *, by: Staff, staff_no: str, display_name: str, email: str, role: str, authority_code: str = ""
) -> StaffProposal:
    """Propose a new account; a second person approves it."""
    draft = _draft(
        staff_no=staff_no,
        display_name=display_name,
        email=email,
        role=role,
        authority_code=authority_code,
        password="!",  # noqa: S106 - only checked, never saved
    )
    try:
        draft.full_clean()
    except ValidationError as error:
        raise BadInput("staff_facts", " ".join(error.messages)) from error
    return _propose(
        by=by,
        kind=ProposalKind.CREATE,
        staff_no=draft.staff_no,
        display_name=display_name,
        email=draft.email,
        role=role,
        authority_code=authority_code,
    )


def propose_change(*, by: Staff, staff: Staff, kind: ProposalKind, role: str = "") -> StaffProposal:
    """Propose another role, a new second factor or the end of an account."""
    if kind == ProposalKind.CREATE:
        raise BadInput("proposal_kind", _("A new account is proposed with its facts."))
    unfit = role not in Role.values or Role.REGULATOR in (role, staff.role)
    if kind == ProposalKind.ROLE and unfit:
        raise BadInput("role_unknown", _("Choose a role of our own staff."))
    require_distinct(by, staff)
    return _propose(
        by=by,
        kind=kind,
        staff=staff,
        staff_no=staff.staff_no,
        role=role if kind == ProposalKind.ROLE else "",
    )


def _propose(*, by: Staff, kind: ProposalKind, **facts: Any) -> StaffProposal:
    require_role(by, *APPROVERS)
    with unit_of_work():
        proposal = StaffProposal.objects.create(kind=kind, proposed_by=by, **facts)
        record(
            "staff.proposed",
            actor=actor_for(by),
            subject_id=proposal.pk,
            proposal=proposal.pk,
            kind=str(kind),
            staff=proposal.staff_no,
        )
    return proposal


def approve_staff(*, by: Staff, proposal: StaffProposal) -> Staff:
    """The second person approves: the change happens now, in the same transaction."""
    with unit_of_work():
        row = _decide(by=by, proposal=proposal, state=ProposalState.APPROVED)
        staff = _CHANGES[ProposalKind(row.kind)](row, actor_for(by))
        row.staff = staff
        row.save(update_fields=["staff"])
        if Staff.objects.filter(role=Role.DPO, is_active=True).exists():
            queue_effect(kind=NOTICE, subject_id=row.pk, unique_key=f"{NOTICE}:{row.pk}")
    return staff


def refuse_staff(*, by: Staff, proposal: StaffProposal) -> StaffProposal:
    with unit_of_work():
        return _decide(by=by, proposal=proposal, state=ProposalState.REFUSED)


def end_proposals() -> int:
    """Remove proposals decided `KEEP_DECIDED` ago (law X-10): they name people of staff; how many.

    The trail keeps who proposed and who decided, by number. An open one stays.
    """
    decided = StaffProposal.objects.exclude(state=ProposalState.OPEN)
    return decided.filter(decided_at__lt=clock.now() - KEEP_DECIDED).delete()[0]


def _decide(*, by: Staff, proposal: StaffProposal, state: ProposalState) -> StaffProposal:
    require_role(by, *APPROVERS)
    row = StaffProposal.objects.select_for_update().get(pk=proposal.pk)
    if row.state != ProposalState.OPEN:
        raise Conflict("proposal_decided", _("This was decided already."))
    if by.pk in (row.proposed_by_id, row.staff_id):
        raise NotAllowed("two_persons", _("This takes a second person."))
    row.state, row.decided_by, row.decided_at = state, by, clock.now()
    row.save(update_fields=["state", "decided_by", "decided_at"])
    record(
        "staff.proposal_decided",
        actor=actor_for(by),
        subject_id=row.pk,
        proposal=row.pk,
        kind=str(row.kind),
        staff=row.staff_no,
        proposed_by=row.proposed_by.staff_no,
        approved=state == ProposalState.APPROVED,
    )
    return row


def _create(row: StaffProposal, actor: Actor) -> Staff:
    staff = _insert(
        staff_no=row.staff_no,
        display_name=row.display_name,
        email=row.email,
        role=row.role,
        authority_code=row.authority_code,
        password=None,
    )
    record(
        "staff.created",
        actor=actor,
        subject_id=staff.pk,
        staff=staff.staff_no,
        role=str(staff.role),
        how="two_persons",
    )
    return staff


def _locked(row: StaffProposal) -> Staff:
    if row.staff_id is None:
        raise IntegrityFailure("proposal_without_staff", _("This proposal names no account."))
    return Staff.objects.select_for_update().get(pk=row.staff_id)


def _change_role(row: StaffProposal, actor: Actor) -> Staff:
    staff = _locked(row)
    old, staff.role = str(staff.role), row.role
    staff.save(update_fields=["role"])
    record(
        "staff.role_changed",
        actor=actor,
        subject_id=staff.pk,
        staff=staff.staff_no,
        old=old,
        new=str(staff.role),
    )
    return staff


def _reset_factor(row: StaffProposal, actor: Actor) -> Staff:
    staff = _locked(row)
    Authenticator.objects.filter(user=staff).delete()
    end_sessions(staff)
    record("staff.factor_reset", actor=actor, subject_id=staff.pk, staff=staff.staff_no)
    return staff


def _deactivate(row: StaffProposal, actor: Actor) -> Staff:
    staff = _locked(row)
    staff.is_active = False
    staff.save(update_fields=["is_active"])
    # Nobody signs in with it again; an account never comes back (law X-10).
    Authenticator.objects.filter(user=staff).delete()
    end_sessions(staff)
    record("staff.deactivated", actor=actor, subject_id=staff.pk, staff=staff.staff_no)
    return staff


_CHANGES = {
    ProposalKind.CREATE: _create,
    ProposalKind.ROLE: _change_role,
    ProposalKind.RESET_FACTOR: _reset_factor,
    ProposalKind.DEACTIVATE: _deactivate,
}


def end_sessions(staff: Staff) -> int:
    """End every session of a person of staff, on every site."""
    ended = 0
    for session in Session.objects.all().iterator():
        if session.get_decoded().get("_auth_user_id") == str(staff.pk):
            session.delete()
            ended += 1
    return ended


# Signing in ---------------------------------------------------------------------------------


def record_signed_in(*, staff: Staff, how: str) -> None:
    with unit_of_work():
        record(
            "staff.signed_in",
            actor=actor_for(staff),
            subject_id=staff.pk,
            staff=staff.staff_no,
            site=settings.DSR_SITE,
            how=how,
        )


def record_signed_out(*, staff: Staff) -> None:
    with unit_of_work():
        record(
            "staff.signed_out",
            actor=actor_for(staff),
            subject_id=staff.pk,
            staff=staff.staff_no,
            site=settings.DSR_SITE,
        )


def record_refused(*, staff_no: str, reason: str) -> None:
    """A refused sign-in. A number nobody has is not written: it may be a name or a password."""
    staff = Staff.objects.filter(staff_no=staff_no.strip().upper()).first()
    with unit_of_work():
        record(
            "staff.sign_in_refused",
            actor=Actor.system("sign-in"),
            subject_id=staff.pk if staff else None,
            staff=staff.staff_no if staff else None,
            site=settings.DSR_SITE,
            reason=reason,
        )


def record_enrolled(*, staff: Staff) -> None:
    with unit_of_work():
        record("mfa.enrolled", actor=actor_for(staff), subject_id=staff.pk, staff=staff.staff_no)


def has_second_factor(staff: Staff) -> bool:
    return Authenticator.objects.filter(user=staff, type=Authenticator.Type.TOTP).exists()


def staff_of(request: HttpRequest) -> Staff:
    """The person of staff behind a request, or `NotAllowed`."""
    with contextlib.suppress(AttributeError):
        if isinstance(request.user, Staff):
            return request.user
    raise NotAllowed("sign_in", _("Sign in first."))
