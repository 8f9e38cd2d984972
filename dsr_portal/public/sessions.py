"""What a session of the public site keeps: ids and times, nothing a person typed (design 5)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from dsr_portal.cases import acting, drafts, selectors
from dsr_portal.cases.acting_models import ActingAccount
from dsr_portal.cases.mandate_models import Mandate
from dsr_portal.cases.models import Case, Draft
from dsr_portal.cases.services import Grant
from dsr_portal.core import clock

STATUS_TIME = timedelta(minutes=30)
ACCOUNT_TIME = timedelta(hours=8)
_DRAFT, _RECEIPT, _CASE, _GRANT = "draft", "receipt", "case", "grant"
_MANDATE, _ACCOUNT = "mandate", "account"
_WRONG = "wrong"


def draft_of(request: HttpRequest) -> Draft | None:
    return drafts.get_draft(request.session.get(_DRAFT))


def keep_draft(request: HttpRequest, draft: Draft) -> None:
    request.session[_DRAFT] = str(draft.id)


def forget_draft(request: HttpRequest) -> None:
    request.session.pop(_DRAFT, None)


def draft_was_here(request: HttpRequest) -> bool:
    return _DRAFT in request.session


def sent(request: HttpRequest, case: Case) -> None:
    """After Send: this session may see the receipt, its code and the request's page."""
    request.session.cycle_key()
    forget_draft(request)
    _forget_acting(request)
    request.session[_RECEIPT] = {"id": str(case.id), "counter": case.code_counter}
    enter(request, case)


def receipt_case(request: HttpRequest) -> Case | None:
    """The case this session sent, while the code it was shown is in force."""
    return _case(request.session.get(_RECEIPT))


def enter(request: HttpRequest, case: Case) -> None:
    request.session[_CASE] = {
        "id": str(case.id),
        "counter": case.code_counter,
        "until": (clock.now() + STATUS_TIME).isoformat(),
    }


def sign_in(request: HttpRequest, case: Case) -> None:
    """Reference and receipt code were right: the request's page is open for 30 minutes."""
    request.session.cycle_key()
    _forget_acting(request)
    enter(request, case)


def sign_out(request: HttpRequest) -> None:
    request.session.flush()


def status_case(request: HttpRequest) -> Case | None:
    """The case whose page this session may see now; each visit starts the 30 minutes anew."""
    kept = request.session.get(_CASE)
    if kept is None or datetime.fromisoformat(kept["until"]) <= clock.now():
        return None
    case = _case(kept)
    if case is not None:
        enter(request, case)
    return case


def wrong_code(request: HttpRequest) -> int:
    """Count one more wrong code typed on the page of a request; how many in this session."""
    count = int(request.session.get(_WRONG, 0)) + 1
    request.session[_WRONG] = count
    return count


def keep_grant(request: HttpRequest, grant: Grant, *, account: ActingAccount | None = None) -> None:
    request.session.cycle_key()
    request.session[_GRANT] = {
        "id": str(grant.delivery_id),
        "until": grant.until.isoformat(),
        "counter": grant.counter,
        "mandate": None if grant.mandate_id is None else str(grant.mandate_id),
        "account": _kept_account(account),
        "begun": [],
    }


def grant_of(request: HttpRequest) -> Grant | None:
    kept: dict[str, Any] | None = request.session.get(_GRANT)
    if kept is None or not _account_stands(kept.get("account")):
        return None
    mandate = kept.get("mandate")
    return Grant(
        UUID(kept["id"]),
        datetime.fromisoformat(kept["until"]),
        kept["counter"],
        None if mandate is None else UUID(mandate),
    )


def begin_part(request: HttpRequest, ordinal: int) -> bool:
    """Note that this session fetches a part; False when it began to before."""
    kept = request.session[_GRANT]
    if ordinal in kept["begun"]:
        return False
    request.session[_GRANT] = {**kept, "begun": [*kept["begun"], ordinal]}
    return True


def forget_grant(request: HttpRequest) -> None:
    request.session.pop(_GRANT, None)


def represent(
    request: HttpRequest, mandate: Mandate, *, account: ActingAccount | None = None
) -> None:
    """Who acts for a person is here: their own page for 30 minutes, and nothing of the person's.

    Opened from an account it ends with what ends the account.
    """
    request.session.cycle_key()
    for name in (_RECEIPT, _CASE, _DRAFT):
        request.session.pop(name, None)
    _keep_mandate(request, mandate, _kept_account(account))


def mandate_of(request: HttpRequest) -> Mandate | None:
    """Whom this session acts for; each visit starts the 30 minutes anew."""
    kept = request.session.get(_MANDATE)
    if kept is None or datetime.fromisoformat(kept["until"]) <= clock.now():
        return None
    if not _account_stands(kept.get("account")):
        return None
    mandate = Mandate.objects.select_related("case").filter(id=kept["id"]).first()
    if mandate is not None:
        _keep_mandate(request, mandate, kept.get("account"))
    return mandate


def _keep_mandate(request: HttpRequest, mandate: Mandate, account: dict[str, Any] | None) -> None:
    until = clock.now() + STATUS_TIME
    request.session[_MANDATE] = {
        "id": str(mandate.id),
        "until": until.isoformat(),
        "account": account,
    }


def _forget_acting(request: HttpRequest) -> None:
    """The person's own page begins: nothing of somebody who acts stays open beside it."""
    for name in (_MANDATE, _ACCOUNT):
        request.session.pop(name, None)


def enter_account(request: HttpRequest, account: ActingAccount) -> None:
    """Link and code were right: the overview is open, and nothing else of this browser's past."""
    request.session.flush()
    now = clock.now()
    request.session[_ACCOUNT] = {
        "id": str(account.id),
        "epoch": account.epoch,
        "until": (now + STATUS_TIME).isoformat(),
        "last": (now + ACCOUNT_TIME).isoformat(),
    }


def account_of(request: HttpRequest) -> ActingAccount | None:
    """The account signed in here; each visit starts the 30 minutes anew, up to eight hours."""
    kept = request.session.get(_ACCOUNT)
    now = clock.now()
    if kept is None or any(datetime.fromisoformat(kept[one]) <= now for one in ("until", "last")):
        return None
    account = acting.of_session(account_id=UUID(kept["id"]), epoch=kept["epoch"])
    if account is not None:
        request.session[_ACCOUNT] = {**kept, "until": (now + STATUS_TIME).isoformat()}
    return account


def _kept_account(account: ActingAccount | None) -> dict[str, Any] | None:
    return None if account is None else {"id": str(account.id), "epoch": account.epoch}


def _account_stands(kept: dict[str, Any] | None) -> bool:
    """Whether what was opened from an account may stay open; True where none was used."""
    if kept is None:
        return True
    return acting.of_session(account_id=UUID(kept["id"]), epoch=kept["epoch"]) is not None


def _case(kept: dict[str, Any] | None) -> Case | None:
    """The case of a session, unless a newer receipt code ended what the old one opened (R12)."""
    case = None if kept is None else selectors.get_case(UUID(kept["id"]))
    if case is None or kept is None or kept["counter"] != case.code_counter:
        return None
    return case
