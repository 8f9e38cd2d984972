"""A new address counts after 72 hours; the old one is told at once and can stop it (R12, R13)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import (
    address_changes,
    address_waits,
    confirmations,
    deliveries,
    letters,
    mail_intake,
    paper,
    paper_packs,
    proposals,
    selectors,
    services,
)
from dsr_portal.cases.address_models import AddressChange, ChangeState
from dsr_portal.cases.intake import contact_hash
from dsr_portal.cases.models import Case, Channel, DeliveryState, Letter, MailCode, Proposal
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.registries import Mail, senders
from dsr_portal.jobs.models import Effect, EffectState
from dsr_portal.jobs.services import run_due
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = "mina@example.org", "mina-canary-7c@elsewhere.example"
HOME = {"name": "Mina Aalto", "postal": "Kade 7\n1011 AB Amsterdam"}
MOVED = {"name": "Mina Aalto", "postal": "Canary 31\n9711 AA Groningen"}
LINK = re.compile(r"https?://\S+")
OPENER = support.Actor("S-9001", "officer", "staff")
CHECK = {"way": "call", "compared": "Face on the call and their photo are alike."}


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, site: Any) -> Iterator[None]:
    own_places(settings, tmp_path)
    settings.DSR_DEMO = True  # the viewer stands for the relay
    site("public")
    cache.clear()
    with translation.override("en"):
        yield


def later(monkeypatch: pytest.MonkeyPatch, **by: int) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**by))


def send_mails() -> None:
    while run_due(queues=["light"]):
        pass


def settle() -> int:
    """What beat does, and what the worker does after it."""
    done = address_changes.settle_due()
    send_mails()
    return done


def entered(case: Case) -> Client:
    browser = Client()
    keys = {"reference": case.reference, "code": services.receipt_code(case)}
    assert browser.post(reverse("public:status"), keys).status_code == 302
    return browser


def asked(case: Case, browser: Client | None = None, **given: str) -> Any:
    """The person gives a new e-mail address on the page of the request."""
    answer = (browser or entered(case)).post(
        reverse("public:address", kwargs={"what": "email"}),
        {"email": NEW, "code": services.receipt_code(case)} | given,
    )
    send_mails()
    return answer


def mails(kind: str) -> list[Mail]:
    rows = Effect.objects.filter(kind=kind).order_by("created_at", "id")
    return [senders.get(kind).render(row.subject_id) for row in rows]


def path_of(mail: Mail) -> str:
    """The path of the one link of a mail."""
    return "/" + LINK.findall(mail.text)[0].split("/", 3)[3]


def page(browser: Client) -> str:
    return " ".join(browser.get(reverse("public:case")).content.decode().split())


def trail(case: Case) -> str:
    return json.dumps([[one.type, one.data] for one in Event.objects.filter(case_id=case.id)])


def by_letter(**contact: str) -> Case:
    """A request that came by post and was entered by a colleague."""
    return services.open_case(
        actor=OPENER,
        channel=Channel.POST,
        rights=["access"],
        contact=services.Contact(**contact),
    ).case


# -- the person, with the code --------------------------------------------------------------------


def test_the_old_mailbox_hears_at_once_and_nothing_leaves_for_72_hours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R13, L-09: told, waited, in force; then the answer leaves to the new address only."""
    case = support.opened(email=OLD)
    services.send_mail_code(case_id=case.id, actor=support.person(case))
    MailCode.objects.update(confirmed_at=clock.now())
    browser = entered(case)
    assert "We write to mina@example.org." in page(browser)
    assert asked(case, browser).status_code == 302
    (told,) = mails("mail.address_asked")
    assert told.to == OLD
    assert NEW not in told.text + told.subject
    assert selectors.contact_of(case)["email"] == OLD
    seen = page(browser)
    assert "A new address was given. It counts from" in seen
    assert NEW not in seen
    support.decided(case)
    delivery = deliveries.make_delivery(
        case=case,
        kind="answer",
        actor=support.SECOND,
        parts=[services.Part("a.txt", "text/plain", unit=case.file_unit, field="intake")],
    )
    later(monkeypatch, hours=71)
    assert settle() == 0
    services.release_batch(actor=support.SECOND)
    delivery.refresh_from_db()
    assert (delivery.state, mails("mail.answer_ready")) == (DeliveryState.READY, [])
    later(monkeypatch, hours=1, minutes=1)
    assert settle() == 1
    services.release_batch(actor=support.SECOND)
    assert [mail.to for mail in mails("mail.answer_ready")] == [NEW]
    (hello,) = mails("mail.address_changed")
    assert hello.to == NEW
    case.refresh_from_db()
    assert selectors.contact_of(case)["email"] == NEW
    assert case.contact_hash == contact_hash(NEW)
    assert selectors.mailbox(case) is None, "a code proved the other mailbox"
    said = trail(case)
    assert "canary" not in said
    for event in ("contact.change_asked", "contact.changed"):
        assert event in said
    assert settle() == 0


def test_links_of_an_answer_that_left_are_made_anew_only_after_the_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R13: what left opens on; a new link waits, and then the old one ends."""
    case = support.opened(email=OLD)
    delivery = support.delivered(case)
    old_link = reverse("public:answer", kwargs={"token": services.link_token(delivery)})
    browser = entered(case)
    asked(case, browser)
    assert Client().get(old_link).status_code == 200
    deliveries.Delivery.objects.filter(id=delivery.id).update(locked_at=clock.now())
    answer = browser.post(reverse("public:new_link"), follow=True)
    assert "For 72 hours nothing leaves that opens an answer" in answer.content.decode()
    with pytest.raises(Conflict, match="address_waits"):
        services.renew_deliveries(case=case, actor=support.person(case))
    later(monkeypatch, hours=72, minutes=1)
    assert settle() == 1
    *_earlier, newest = mails("mail.answer_ready")
    assert newest.to == NEW
    assert Client().get(old_link).status_code == 404
    opened = Client().post(path_of(newest), {"code": services.receipt_code(case)})
    assert opened.status_code == 302
    case.refresh_from_db()
    assert case.status == "delivered"


def test_a_letter_on_the_way_keeps_its_day_and_its_link_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """D-06, R13: what must be told in time stands on the page at once; the mail with it waits."""
    case = support.opened(email=OLD)
    browser = entered(case)
    asked(case, browser)
    part = services.Part("l.txt", "text/plain", unit=case.file_unit, field="intake")
    with unit_of_work():
        deliveries.release_notice(case=case, part=part, approved_by="S-1001")
    assert "Open our letter" in page(browser)
    assert not Effect.objects.filter(kind="mail.letter").exists()
    later(monkeypatch, hours=72, minutes=1)
    settle()
    assert [mail.to for mail in mails("mail.letter")] == [NEW]


def test_five_wrong_codes_close_the_page_and_never_the_request() -> None:
    """R12, R13: the code is asked again; who has not got it changes nothing and tells nobody."""
    case = support.opened(email=OLD)
    browser = entered(case)
    for _time in range(4):
        answer = asked(case, browser, code="0000-0000-0000-0000")
        assert answer.status_code == 422
        assert "This is not the code of this request." in answer.content.decode()
    closed = asked(case, browser, code="0000-0000-0000-0000")
    assert closed["Location"] == reverse("public:status")
    assert browser.get(reverse("public:case")).status_code == 302
    assert not AddressChange.objects.exists()
    assert mails("mail.address_asked") == []
    assert entered(case).get(reverse("public:case")).status_code == 200


@pytest.mark.parametrize(
    ("what", "given", "says"),
    [
        ("email", {"email": "nonsense"}, "It looks like name@site.org"),
        ("email", {"email": ""}, "Fill this in"),
        ("postal", {"postal": " "}, "Fill this in"),
    ],
)
def test_what_is_no_address_is_told_so(what: str, given: dict[str, str], says: str) -> None:
    case = support.opened(email=OLD)
    given |= {"code": services.receipt_code(case)}
    answer = entered(case).post(reverse("public:address", kwargs={"what": what}), given)
    assert answer.status_code == 422
    assert not AddressChange.objects.exists()
    assert 'class="error' in answer.content.decode() or says in answer.content.decode()


def test_nobody_floods_the_old_mailbox_and_no_change_is_none() -> None:
    """R13: three a day; the same address again tells nobody; each newer one replaces the other."""
    case = support.opened(email=OLD)
    browser = entered(case)
    assert asked(case, browser, email=OLD).status_code == 302
    assert not AddressChange.objects.exists()
    for number in range(3):
        asked(case, browser, email=f"m{number}@elsewhere.example")
    assert Effect.objects.filter(kind="mail.address_asked").count() == 3
    answer = asked(case, browser, email="m9@elsewhere.example")
    assert answer["Location"] == reverse("public:case")
    assert Effect.objects.filter(kind="mail.address_asked").count() == 3
    assert sorted(AddressChange.objects.values_list("state", flat=True)) == [
        "replaced",
        "replaced",
        "waiting",
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        AddressChange.objects.update(state=ChangeState.WAITING)


# -- the old mailbox ------------------------------------------------------------------------------


def test_one_click_in_the_old_mailbox_stops_it_and_an_officer_is_flagged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R13: looking spends nothing; stopped, the address stays, and the wait is not shortened."""
    case = support.opened(email=OLD)
    delivery = support.delivered(case)
    asked(case)
    link = path_of(mails("mail.address_asked")[0])
    stranger = Client()
    for _look in range(3):
        assert "It was not me: stop it" in stranger.get(link).content.decode()
    assert address_changes.waiting(case) is not None
    stopped = stranger.post(link)
    assert "We stopped it" in stopped.content.decode()
    assert stranger.get(link).status_code == stranger.post(link).status_code == 404
    assert list(case.flags.values_list("code", flat=True)) == [address_changes.OBJECTED]
    assert '"how": "old_address"' in trail(case)
    assert address_waits.waits_until(case) is not None
    assert "A change of your address was stopped." in page(entered(case))
    later(monkeypatch, hours=72, minutes=1)
    settle()
    assert selectors.contact_of(case)["email"] == OLD
    assert address_waits.waits_until(case) is None
    assert services.find_delivery(services.link_token(delivery)).id == delivery.id
    assert mails("mail.address_changed") == []


def test_the_wait_begins_when_the_old_mailbox_was_told(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """R13: a mail that waits for a relay has told nobody; one nobody takes can't tell."""
    settings.DSR_DEMO = False
    case = support.opened(email=OLD)
    asked(case)
    effect = Effect.objects.get(kind="mail.address_asked")
    assert effect.state == EffectState.PENDING
    later(monkeypatch, hours=100)
    assert settle() == 0
    assert selectors.contact_of(case)["email"] == OLD
    assert address_waits.waits_until(case) is not None
    Effect.objects.filter(id=effect.id).update(state=EffectState.SENT, sent_at=clock.now())
    later(monkeypatch, hours=71)
    assert settle() == 0
    later(monkeypatch, hours=1, minutes=1)
    assert settle() == 1
    assert selectors.contact_of(case)["email"] == NEW
    other = support.opened(email=OLD)
    asked(other)
    Effect.objects.filter(kind="mail.address_asked").update(state=EffectState.FAILED)
    later(monkeypatch, hours=72, minutes=1)
    assert settle() == 1


def test_the_person_keeps_the_old_address_or_takes_the_request_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = support.opened(email=OLD)
    browser = entered(case)
    asked(case, browser)
    browser.post(reverse("public:keep_address"))
    assert '"how": "person"' in trail(case)
    assert browser.post(reverse("public:keep_address"), follow=True).status_code == 200
    asked(case, browser)
    services.withdraw(case_id=case.id, actor=support.person(case))
    later(monkeypatch, hours=72, minutes=1)
    settle()
    assert AddressChange.objects.filter(state=ChangeState.LAPSED).count() == 1
    assert mails("mail.address_changed") == []
    with pytest.raises(Conflict, match="case_over"):
        address_changes.ask_own(
            case_id=case.id, what="email", given={"email": NEW}, code=services.receipt_code(case)
        )


# -- staff ----------------------------------------------------------------------------------------


def test_staff_write_it_down_after_a_check_and_have_no_part_in_the_post(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R12, R13, R19: a reviewer, with way and words; another person packs, another posts."""
    case = by_letter(email=OLD, **HOME)
    ask = {"case_id": case.id, "what": "postal", "given": MOVED}
    with pytest.raises(NotAllowed):
        address_changes.ask_for(actor=support.Actor("D-1", "dpo", "staff"), **ask, **CHECK)
    with pytest.raises(BadInput, match="compared_missing"):
        address_changes.ask_for(actor=support.OFFICER, **ask, way="call", compared=" ")
    with pytest.raises(BadInput, match="no_such_way"):
        address_changes.ask_for(actor=support.OFFICER, **ask, way="guess", compared="x")
    address_changes.ask_for(actor=support.OFFICER, **ask, **CHECK)
    send_mails()
    assert mails("mail.address_asked")[0].to == OLD
    assert '"way": "call"' in trail(case)
    with pytest.raises(Conflict, match="address_waits"):
        confirmations.record_handed(case_id=case.id, actor=support.SECOND, how="post")
    later(monkeypatch, hours=72, minutes=1)
    settle()
    assert selectors.contact_of(case)["postal"] == MOVED["postal"]
    with pytest.raises(NotAllowed, match="wrote_it_down"):
        confirmations.record_handed(case_id=case.id, actor=support.OFFICER, how="post")
    confirmations.record_handed(case_id=case.id, actor=support.SECOND, how="post")
    with pytest.raises(IntegrityError), transaction.atomic():
        AddressChange.objects.update(way="")


def test_an_address_on_paper_that_was_posted_to_is_told_by_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R13, T-13: without a mailbox a letter goes to the old address; 72 hours from its post."""
    case = by_letter(**HOME)
    confirmations.record_handed(case_id=case.id, actor=support.SECOND, how="post")
    with pytest.raises(Conflict, match="postal_stands"):
        confirmations.set_postal(case_id=case.id, actor=support.OFFICER, **MOVED)
    address_changes.ask_for(
        case_id=case.id, actor=support.OFFICER, what="postal", given=MOVED, **CHECK
    )
    send_mails()
    letter = Letter.objects.get(kind="address")
    assert letter.state == "to_post"
    later(monkeypatch, hours=100)
    assert settle() == 0, "nobody posted it: the old address knows nothing"
    with pytest.raises(NotAllowed, match="wrote_it_down"):
        letters.record_posted(letter_id=letter.id, actor=support.OFFICER)
    letters.record_posted(letter_id=letter.id, actor=support.SECOND)
    assert settle() == 0
    later(monkeypatch, hours=72, minutes=1)
    assert settle() == 1
    assert selectors.contact_of(case)["postal"] == MOVED["postal"]


def test_what_was_printed_for_the_old_address_is_printed_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T-13: an envelope that was packed before leaves to the new address, packed again."""
    case = by_letter(email=OLD, **HOME)
    Case.objects.filter(id=case.id).update(origin_confirmed_by="S-2001")
    paper.choose(case_id=case.id, actor=support.person(case))
    delivery = support.delivered(case)
    packer, poster = support.SUPERVISOR, support.SECOND
    assert delivery.state == DeliveryState.TO_POST
    paper_packs.PaperPack.objects.create(
        delivery=delivery, packed_by=packer.id, packed_at=clock.now(), pages=3
    )
    address_changes.ask_own(
        case_id=case.id, what="postal", given=MOVED, code=services.receipt_code(case)
    )
    send_mails()
    with pytest.raises(Conflict, match="address_waits"):
        paper_packs.record_posted(delivery_id=delivery.id, actor=poster, number="RR123456789NL")
    later(monkeypatch, hours=72, minutes=1)
    settle()
    with pytest.raises(Conflict, match="not_packed"):
        paper_packs.record_posted(delivery_id=delivery.id, actor=poster, number="RR123456789NL")


def test_the_desk_writes_it_down_and_stops_it(site: Any) -> None:
    """R12: with a check; the page says until when nothing leaves."""
    case = by_letter(email=OLD, **HOME)
    site("desk")
    officer = sign_in(Client(), staff("A-1001"))
    at = reverse("desk:receipt", kwargs={"reference": case.reference})
    assert "The person has a new address" in officer.get(at).content.decode()
    blank = officer.post(at, {"do": "new_email", "new_email-email": NEW})
    assert blank.status_code == 422
    sent = {"do": "new_email", "new_email-email": NEW} | {
        f"new_email-{name}": value for name, value in CHECK.items()
    }
    done = officer.post(at, sent, follow=True).content.decode()
    assert "it counts 72 hours after another agrees" in done
    assert "waits until" in done
    assert NEW not in done
    stopped = officer.post(at, {"do": "keep"}, follow=True).content.decode()
    assert "The address stays as it was." in stopped
    assert '"how": "desk"' in trail(case)
    dpo = sign_in(Client(), staff("D-1", Role.DPO))
    assert "The person has a new address" not in dpo.get(at).content.decode()
    assert officer.post(at, sent | {"do": "new_email"}).status_code == 302


def staff_email(case: Case, actor: Any = support.OFFICER, email: str = NEW) -> None:
    address_changes.ask_for(
        case_id=case.id, actor=actor, what="email", given={"email": email}, **CHECK
    )
    send_mails()


def test_one_officer_leads_no_mailbox_elsewhere_and_holds_no_code_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R12, R13: told at once, in force only 72 hours after another person agreed; no code."""
    case = support.opened(email=OLD)
    staff_email(case)
    assert [mail.to for mail in mails("mail.address_asked")] == [OLD]
    later(monkeypatch, hours=200)
    assert settle() == 0
    assert address_waits.waits_until(case) is not None
    proposal = Proposal.objects.get(kind="address")
    assert proposals.words_of(proposal) == CHECK["compared"]
    with pytest.raises(NotAllowed, match="second_person"):
        proposals.agree(proposal_id=proposal.id, actor=support.OFFICER)
    proposals.agree(proposal_id=proposal.id, actor=support.SECOND)
    later(monkeypatch, hours=71)
    assert settle() == 0
    assert selectors.contact_of(case)["email"] == OLD
    later(monkeypatch, hours=1, minutes=1)
    assert settle() == 1
    assert selectors.contact_of(case)["email"] == NEW
    for part in (support.OFFICER, support.SECOND):
        with pytest.raises(NotAllowed, match="changed_address"):
            support.renewed(case, actor=part)
    case.refresh_from_db()
    assert case.code_counter == 0
    support.renewed(case, actor=support.SUPERVISOR)
    with pytest.raises(NotAllowed, match="changed_address"):
        confirmations.print_confirmation(case_id=case.id, actor=support.OFFICER)


@pytest.mark.parametrize(("what", "given"), [("email", {"email": NEW}), ("postal", MOVED)])
def test_who_had_the_code_in_hand_changes_no_address(what: str, given: dict[str, str]) -> None:
    """R12, R13: in the other order, and nor do they agree to one."""
    case = by_letter(email=OLD, **HOME)
    support.renewed(case)
    with pytest.raises(NotAllowed, match="had_code"):
        address_changes.ask_for(
            case_id=case.id, actor=support.OFFICER, what=what, given=given, **CHECK
        )
    with pytest.raises(NotAllowed, match="had_code"):
        confirmations.set_postal(case_id=case.id, actor=support.OFFICER, **MOVED)
    confirmations.print_confirmation(case_id=case.id, actor=support.SECOND)
    with pytest.raises(NotAllowed, match="had_code"):
        staff_email(case, support.SECOND)
    staff_email(case, support.SUPERVISOR)
    proposal = Proposal.objects.get(kind="address")
    with pytest.raises(NotAllowed, match="had_code"):
        proposals.agree(proposal_id=proposal.id, actor=support.OFFICER)
    assert AddressChange.objects.count() == 1


def test_who_wrote_a_postal_address_beside_a_mailbox_makes_no_new_code() -> None:
    """R12, R13: also where it was the first one and counted at once."""
    case = by_letter(email=OLD)
    confirmations.set_postal(case_id=case.id, actor=support.OFFICER, **HOME)
    with pytest.raises(NotAllowed, match="changed_address"):
        support.renewed(case)
    support.renewed(case, actor=support.SECOND)


def test_turned_down_stopped_or_replaced_no_proposal_and_no_change_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R13, R19: the two end together, whichever ends first."""
    case = support.opened(email=OLD)
    staff_email(case)
    proposals.turn_down(proposal_id=Proposal.objects.get().id, actor=support.SECOND)
    assert address_changes.waiting(case) is None
    assert '"how": "desk"' in trail(case)
    staff_email(case)
    staff_email(case, email="another@elsewhere.example")
    asked(case)
    staff_email(case)
    entered(case).post(reverse("public:keep_address"))
    states = sorted(Proposal.objects.values_list("state", flat=True))
    assert states == ["lapsed", "lapsed", "lapsed", "turned_down"]
    assert address_changes.waiting(case) is None
    later(monkeypatch, hours=200)
    settle()
    assert selectors.contact_of(case)["email"] == OLD


def test_the_second_person_sees_the_address_on_the_page_of_the_case(site: Any) -> None:
    """R13: nobody agrees to what they can't read; who may not agree does not read it."""
    case = by_letter(email=OLD)
    staff_email(case)
    site("desk")
    officer = sign_in(Client(), staff("A-1001"))
    at = reverse("desk:case", kwargs={"reference": case.reference})
    assert NEW in officer.get(at).content.decode()
    dpo = sign_in(Client(), staff("D-1", Role.DPO))
    assert NEW not in dpo.get(at).content.decode()
    proposal = Proposal.objects.get()
    settled = reverse(
        "desk:settle", kwargs={"reference": case.reference, "proposal_id": proposal.id}
    )
    assert officer.post(settled, {"do": "agree"}).status_code == 302
    proposal.refresh_from_db()
    assert proposal.state == "agreed"


@pytest.mark.parametrize("kept", [False, True])
def test_the_link_of_the_first_mail_stops_a_later_change_too(kept: bool) -> None:
    """R13: who opens the first of two warnings late still stops what waits."""
    case = support.opened(email=OLD)
    browser = entered(case)
    asked(case, browser, email="first@elsewhere.example")
    first = path_of(mails("mail.address_asked")[0])
    if kept:
        browser.post(reverse("public:keep_address"))
        assert Client().get(first).status_code == 404
    asked(case, browser)
    assert "It was not me: stop it" in Client().get(first).content.decode()
    assert "We stopped it" in Client().post(first).content.decode()
    assert address_changes.waiting(case) is None
    assert list(case.flags.values_list("code", flat=True)) == [address_changes.OBJECTED]
    assert Client().get(first).status_code == 404
    asked(case, browser)
    assert Client().post(first).status_code == 200


def test_a_mailbox_that_was_left_stops_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """R13: the links of mails end with the mailbox they went to."""
    case = support.opened(email=OLD)
    browser = entered(case)
    asked(case, browser, email="first@elsewhere.example")
    first = path_of(mails("mail.address_asked")[0])
    asked(case, browser)
    later(monkeypatch, hours=72, minutes=1)
    assert settle() == 1
    asked(case, entered(case), email="third@elsewhere.example")
    assert Client().post(first).status_code == 404
    assert address_changes.waiting(case) is not None


# -- the same for everybody -----------------------------------------------------------------------


def test_pages_and_mails_are_the_same_whatever_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: two answers that left, one with pictures and one without; the whole way compared."""
    told = []
    for outcome in ("disclosed", "nothing_found"):
        case = support.opened(email=OLD)
        support.delivered(case)
        Case.objects.filter(id=case.id).update(outcome=outcome)
        browser = entered(case)
        asked(case, browser)
        seen = [page(browser)]
        seen += [
            f"{mail.subject} {mail.text}"
            for mail in mails("mail.address_asked")
            if case.reference in mail.subject
        ]
        seen.append(browser.post(reverse("public:new_link"), follow=True).content.decode())
        plain = " ".join(seen).replace(case.reference, "REF")
        plain = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|nonce="[^"]+"', "", plain)
        plain = re.sub(r"/(answer|address)/[\w=-]{20,}/", "/TOKEN/", plain)
        plain = re.sub(r"\d{1,2}:\d{2}(:\d{2}[.\d+:]*)?", "TIME", plain)
        told.append(plain)
    assert told[0] == told[1]


def test_a_bounce_of_the_mail_to_the_old_mailbox_is_its_cases() -> None:
    """T-11: what it was about is a row of the case, and leads to it."""
    case = support.opened(email=OLD)
    asked(case)
    effect = Effect.objects.get(kind="mail.address_asked")
    assert mail_intake._case_of_effects([effect.id]) == case
