"""A child asks, or somebody asks for a child: a person first, no birth date (law C-01 to C-03)."""

from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dsr_portal.audit.selectors import events_for_case
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import (
    child_texts,
    children,
    letters,
    mandate_checks,
    mandates,
    services,
)
from dsr_portal.cases.mandate_models import Invitation, Mandate
from dsr_portal.cases.models import Case, LetterKind, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.matching import representing
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Probe, Search
from dsr_portal.vault import services as vault
from tests.support import matching as review
from tests.support.answers import text_of
from tests.support.gallery import own_places
from tests.support.matching import JPEG, sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAGE = "site.example/me"
INTEREST = "She is 13, saw the page herself, and wants it gone before school starts."


@pytest.fixture(autouse=True)
def places(settings, tmp_path, site):
    own_places(settings, tmp_path)
    site("public")


@pytest.fixture
def officer() -> Actor:
    return review.actor(staff("S-1001"))


@pytest.fixture
def supervisor() -> Actor:
    return review.actor(staff("S-2001", "supervisor"))


def asked(who: str = "under_16", **contact: Any) -> tuple[Case, Client]:
    """A request sent on the website, as a child or a parent sends it."""
    browser = Client()
    post = browser.post
    assert post(reverse("public:wish"), {"rights": ["access"], "who": who}).status_code == 302
    way = post(reverse("public:way"), {"pages": PAGE, "account": "", "other": ""})
    assert way.url == reverse("public:contact"), "no consent is asked where no photo is taken"
    data = {"how": "email", "email": "noor@example.org", "language": "en", **contact}
    assert post(reverse("public:contact"), data).status_code == 302
    assert post(reverse("public:check")).status_code == 302
    return Case.objects.get(), browser


def known(case: Case, officer: Actor) -> None:
    services.record_identity(
        case_id=case.id,
        actor=officer,
        way="call",
        element="named_control",
        compared="On the call she put our word on the page.",
    )


def decided(case: Case, actor: Actor, **more: Any) -> Any:
    given = {"acts": "alone", "interest": INTEREST, **more}
    return representing.decide_about_child(case_id=case.id, actor=actor, **given)


def photo_of(case: Case) -> None:
    """The child sends a photo on the page of the request, and agrees."""
    person = Actor.person(case.id)
    services.record_consent(case_id=case.id, scope="comparison", actor=person)
    staged = vault.stage_unit(kind="probe", owner=case.id)
    staged.add("picture", JPEG)

    def also(locked: Case) -> None:
        staged.save()
        matching.add_probe(case=locked, actor=person, unit=staged.unit_id, channel="web")

    services.receive_message(case_id=case.id, actor=person, also=also)
    review.work()


# -- the child's own way --------------------------------------------------------------------------


def test_a_child_asks_without_photo_name_or_birth_date(officer):
    """C-01, C-02: the same posts, no photo, an age band and nothing more; not refused."""
    browser = Client()
    browser.post(reverse("public:wish"), {"rights": ["access"], "who": "under_16"})
    page = browser.get(reverse("public:way")).content.decode()
    assert 'name="photo"' not in page
    assert "We take no photo of a child yet" in page
    sent = {"pages": PAGE, "account": "", "other": "", "photo": SimpleUploadedFile("m.jpg", JPEG)}
    assert browser.post(reverse("public:way"), sent).url == reverse("public:contact")
    contact = browser.get(reverse("public:contact")).content.decode()
    for never in ("birth", "guardian", "under_18"):
        assert never not in contact
    browser.post(
        reverse("public:contact"), {"how": "email", "email": "n@example.org", "language": "en"}
    )
    browser.post(reverse("public:check"))
    case = Case.objects.get()
    assert (case.age_band, case.status) == ("under_16", Status.RECEIVED)
    assert not Probe.objects.exists()
    receipt = browser.get(reverse("public:receipt")).content.decode()
    for line in child_texts.of_receipt("under_16"):
        assert line in receipt
    shown = browser.get(reverse("public:case")).content.decode()
    assert "In simple words" in shown
    assert "three photos" not in shown


def test_a_photo_in_the_draft_goes_when_it_is_said_that_a_child_asks():
    """C-02: what was sent before the word "under 16" is destroyed, consent and all."""
    browser = Client()
    browser.post(reverse("public:wish"), {"rights": ["access"]})
    data = {"pages": "", "account": "", "other": "", "photo": SimpleUploadedFile("m.jpg", JPEG)}
    assert browser.post(reverse("public:way"), data).url == reverse("public:consent")
    browser.post(reverse("public:consent"), {"comparison": "on"})
    browser.post(reverse("public:wish"), {"rights": ["access"], "who": "under_16"})
    browser.post(
        reverse("public:contact"), {"how": "email", "email": "n@example.org", "language": "en"}
    )
    browser.post(reverse("public:check"))
    case = Case.objects.get()
    assert not Probe.objects.exists()
    assert not case.consents.exists()


def test_no_table_has_a_column_for_a_date_of_birth():
    """C-01: no birth-date column in the schema; the age band is there."""
    columns = {field.name for model in apps.get_models() for field in model._meta.fields}
    assert "age_band" in columns
    assert not [name for name in columns if "birth" in name or name in {"dob", "age"}]


def test_no_face_of_a_child_is_looked_at_before_a_person_decided(officer, monkeypatch):
    """C-02: everything else is there; no photo is taken, and none is searched."""
    review.told(monkeypatch)
    case, browser = asked()
    known(case, officer)
    with pytest.raises(Conflict) as refused:
        photo_of(case)
    assert refused.value.code == "child_photo"
    assert browser.get(reverse("public:case_photo")).url == reverse("public:case")
    with pytest.raises(Conflict) as refused:
        matching.start_look_up(case_id=case.id, actor=officer)
    assert refused.value.code == "child_first"
    assert not Search.objects.exists()
    decided(case, officer, photo=True)
    photo_of(case)
    known(case, officer)
    matching.start_search_if_ready(case_id=case.id, actor=officer)
    assert Search.objects.filter(case=case).exists()


def test_what_a_child_named_is_looked_up_without_any_photo(officer):
    """C-02: the page they named is always open; the officer wrote down why it is good for them."""
    case, _browser = asked()
    known(case, officer)
    row = decided(case, officer)
    assert matching.start_look_up(case_id=case.id, actor=officer).case_id == case.id
    assert children.words(row) == INTEREST
    written = [one for one in events_for_case(case.id) if one.type == "child.decided"]
    assert [(one.data["acts"], one.data["photo"]) for one in written] == [("alone", False)]


def test_after_a_conflict_a_supervisor_decides_and_another_person(officer, supervisor):
    """C-03: child and guardian want different things: it stops, and no photo is taken."""
    case, _browser = asked()
    known(case, officer)
    with pytest.raises(BadInput):
        decided(case, officer, conflict=True, photo=True)
    decided(case, officer, acts="with", conflict=True)
    assert children.in_the_way(case) == "child_conflict"
    assert case.flags.filter(code=children.CONFLICT_FLAG).exists()
    with pytest.raises(NotAllowed) as refused:
        decided(case, officer)
    assert refused.value.code == "supervisor_only"
    decided(case, supervisor)
    assert children.in_the_way(case) == ""


def test_sixteen_and_seventeen_have_the_texts_and_no_other_way(officer):
    """T-03: simple words beside everything, and no fewer rights."""
    browser = Client()
    browser.post(reverse("public:wish"), {"rights": ["access"]})
    page = browser.get(reverse("public:way")).content.decode()
    assert 'name="photo"' in page
    browser.post(reverse("public:way"), {"pages": PAGE, "account": "", "other": ""})
    browser.post(
        reverse("public:contact"),
        {"how": "email", "email": "n@example.org", "language": "en", "under_18": "on"},
    )
    browser.post(reverse("public:check"))
    case = Case.objects.get()
    assert case.age_band == "under_18"
    assert children.in_the_way(case) == ""
    assert not children.photo_closed(case)
    assert (
        "You have the same rights as an adult."
        in browser.get(reverse("public:receipt")).content.decode()
    )


# -- a parent asks --------------------------------------------------------------------------------


def test_a_parent_asks_and_cannot_say_yes_to_themselves(officer):
    """C-03: their word begins it, an officer looks; the page is theirs and opens no short cut."""
    case, browser = asked("my_child", guardian="Amal Haddad", responsible="on")
    mandate = Mandate.objects.get()
    assert (mandate.kind, mandate.holds_page) == ("parent", True)
    assert mandates.who_acts(mandate).name == "Amal Haddad"
    assert not Invitation.objects.exists()
    assert mandates.in_the_way(case) == "mandate_open"
    for name in ("want", "end_mandate"):
        browser.post(reverse(f"public:{name}"))
    assert mandates.in_the_way(case) == "mandate_open"
    shown = browser.get(reverse("public:case")).content.decode()
    assert "Amal Haddad" in shown
    assert "Yes, they act for me" not in shown
    mandate_checks.ask(
        mandate_id=mandate.id,
        actor=officer,
        doubts=["interests"],
        means=["call", "statement"],
        words="The child told us something else.",
    )
    page = browser.get(reverse("public:representing")).content.decode()
    assert "The child told us something else." in page
    browser.post(reverse("public:representing"), {"words": "We talked; she agrees."})
    representing.accept(mandate_id=mandate.id, actor=officer, words="Spoke with both.")
    assert mandates.in_the_way(case) == ""
    assert children.in_the_way(case) == "child_first"
    decided(case, officer, acts="with")
    known(case, officer)
    assert matching.start_look_up(case_id=case.id, actor=officer)


def test_a_parent_says_who_they_are_and_that_they_are_responsible():
    """C-03: two answers, no paper, no birth date of anybody."""
    browser = Client()
    browser.post(reverse("public:wish"), {"rights": ["access"], "who": "my_child"})
    browser.post(reverse("public:way"), {"pages": "", "account": "", "other": ""})
    data = {"how": "email", "email": "a@example.org", "language": "en"}
    again = browser.post(reverse("public:contact"), data)
    assert again.status_code == 200
    assert "Tick this, or let the child ask." in again.content.decode()
    assert browser.post(reverse("public:check")).url == reverse("public:contact")
    assert not Case.objects.exists()


# -- letters and the desk -------------------------------------------------------------------------


def test_a_letter_to_a_child_has_the_child_version_first(officer):
    """T-03: in the PDF, before its facts and beside the full text; an adult's letter has none."""
    case, _browser = asked()
    facts = {
        "what": "answer",
        "missed_on": clock.today().isoformat(),
        "new_date": clock.today().isoformat(),
        "person": "Nadia Roth",
    }
    with unit_of_work():
        letter = letters.write(
            case=case, kind=LetterKind.LATE, key="late:test", actor=officer, facts=facts
        )
    text = " ".join(text_of(letters.prepare(letter).pdf).split())
    simple = child_texts.of_letter("late")
    assert text.index("In simple words") < text.index(simple[1]) < text.index("New date")
    for words in (*simple, "Nadia Roth answers for your request."):
        assert words in text
    letter.case.age_band = ""
    assert "In simple words" not in text_of(letters.prepare(letter).pdf)


def test_the_officers_page_says_what_to_look_for(client, site, officer):
    """C-01: the child's own interest, a conflict with a guardian, and the mildest proof."""
    case, _browser = asked()
    site("desk")
    from dsr_portal.accounts.models import Staff

    desk = sign_in(client, Staff.objects.get(staff_no="S-1001"))
    step = desk.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "A child asks: look at it" in step
    page = reverse("desk:child", kwargs={"reference": case.reference})
    shown = desk.get(page).content.decode()
    for words in ("own interest comes first", "want different things", "date of birth"):
        assert words in shown
    assert desk.post(page, {"acts": "alone", "interest": ""}).status_code == 422
    assert desk.post(page, {"acts": "alone", "interest": INTEREST}).status_code == 302
    assert INTEREST in desk.get(page).content.decode()
    assert children.in_the_way(case) == ""


def test_the_desk_writes_down_that_a_letter_is_from_a_child(client, site):
    """C-01, T-08: any channel, the same route; who entered it does not decide."""
    site("desk")
    one = staff("S-1001")
    sign_in(client, one).post(
        reverse("desk:enter"),
        {
            "channel": "post",
            "received": clock.today().isoformat(),
            "words": "I am 12. What do you have of me?",
            "rights": ["access"],
            "age_band": "under_16",
            "language": "en",
        },
    )
    case = Case.objects.get()
    assert children.in_the_way(case) == "child_first"
    with pytest.raises(NotAllowed) as refused:
        decided(case, review.actor(one))
    assert refused.value.code == "opener_barred"
