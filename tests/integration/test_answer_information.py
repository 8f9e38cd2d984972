"""What an answer says beside the pictures, statement by statement (Art. 15(1) and (2); law 3)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from dsr_portal.cases import proposals
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, CaseRight, HeldBack, Outcome
from dsr_portal.core import clock, links
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.disclosure import contents, services, withholding
from dsr_portal.disclosure.gathered import Gathered, gather
from dsr_portal.disclosure.models import Answer
from dsr_portal.disclosure.pictures import covered_pictures
from dsr_portal.documents import services as documents
from dsr_portal.documents.templatetags.documents import day
from dsr_portal.gallery.models import Record
from dsr_portal.gallery.sources import declare_source
from dsr_portal.law import plain
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support.answers import OFFICER, SECOND, a_face, a_log, found, shown_to, text_of
from tests.support.gallery import own_places

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)


def made(*records: Record) -> Answer:
    return answers.answered(found(*records))


def letter(answer: Answer) -> str:
    assert answer.document_id is not None
    return " ".join(text_of(documents.open_document(answer.document_id)).split())


def data(answer: Answer) -> dict[str, Any]:
    assert answer.package_unit is not None
    body = vault.read(answer.package_unit, services.PACKAGE_FIELD)
    return dict(json.loads(answers.unzipped(body)["data.json"]))


def gathered(answer: Answer) -> Gathered:
    ids = answer.records.order_by("ordinal").values_list("record_id", flat=True)
    records = [Record.objects.select_related("image__source").get(id=one) for one in ids]
    return gather(answer, records, covered_pictures(records))


def section(answer: Answer, name: str) -> dict[str, Any]:
    made_of = contents.context(gathered(answer), {"data.json": "0" * 64})
    return next(one for one in made_of["sections"] if one["id"] == name)


# -- kinds of data, recipients abroad -------------------------------------------------------------


def test_a_place_that_is_held_is_named_as_a_kind_of_data_in_the_letter() -> None:
    """A-06: with place data the letter names location beside the special category."""
    text = letter(made(a_face(other={"gps_lat": "52.37", "gps_lon": "4.89"})))
    assert "location: where a picture was taken" in text
    assert "face codes: biometric data, a special category (Art. 9(1) GDPR)" in text
    assert "52.37" in text
    without = letter(made(a_face(seed=2, other={"platform": "x"})))
    assert "location: where a picture was taken" not in without
    assert "face codes: biometric data, a special category (Art. 9(1) GDPR)" in without


def test_countries_outside_are_listed_with_their_safeguard_or_none_is_said(settings: Any) -> None:
    """A-13: a stated safeguard, a recipient abroad without one, and none at all."""
    inside = a_face(seed=1)
    log = a_log()
    shown_to(inside, log, "Northlight Security BV", "NL")
    text = letter(made(inside))
    assert "The controller states none, and the table above shows none." in text

    settings.DSR_TRANSFERS = ["United States: standard contractual clauses of 2021"]
    abroad = a_face(seed=2)
    shown_to(abroad, log, "Harbour Watch Ltd", "BR")
    answer = made(abroad)
    assert "United States: standard contractual clauses of 2021" in letter(answer)
    told = section(answer, "transfers")
    assert told["text"] == ""
    assert told["points"][0] == "United States: standard contractual clauses of 2021"
    assert told["points"][1].startswith("BR: a recipient named above")
    assert "stated no safeguard" in told["points"][1]


# -- purposes, and the face code itself -----------------------------------------------------------


def test_each_source_has_its_own_purposes() -> None:
    """A-05: what an import declared stands beside its source; one without has the controller's."""
    shop, crawl = a_face(seed=1, source="Shop cameras"), a_face(seed=2, source="Web crawl")
    operator = answers.OPERATOR
    for purposes in (["Old purpose"], ["Finding thieves", "Training of staff"], []):
        declare_source(name="Shop cameras", legal_basis="none", purposes=purposes, actor=operator)
    with pytest.raises(BadInput):
        declare_source(
            name="Shop cameras", legal_basis="none", purposes=["x" * 301], actor=operator
        )
    answer = made(shop, crawl)
    rows = {row[0]: row[1:] for row in section(answer, "purposes")["table"]["rows"]}
    assert rows["Shop cameras"] == ("Finding thieves; Training of staff", "none documented")
    assert rows["Web crawl"][0] == "; ".join(django_settings.DSR_PURPOSES)
    text = letter(answer)
    assert "Finding thieves; Training of staff" in text
    assert "Old purpose" not in text
    told = {one["source"]: one["purposes"] for one in data(answer)["records"]}
    assert told["Shop cameras"] == ["Finding thieves", "Training of staff"]
    assert told["Web crawl"] == list(django_settings.DSR_PURPOSES)


def test_a_face_code_is_held_back_by_two_persons_with_a_reason_the_letter_prints() -> None:
    """A-04, R-02: given by default; held back one at a time, with ground and facts, by two."""
    shown, coded = a_face(seed=1), a_face(seed=2)
    case = found(shown, coded)
    facts = "The numbers of this one show how a twin looks."
    propose = {"case_id": case.id, "actor": OFFICER, "record_id": shown.id}
    for words, ground in (("", "others_rights"), (facts, "excessive")):
        with pytest.raises(BadInput):
            withholding.withhold_template(**propose, ground=ground, facts=words)
    proposal = withholding.withhold_template(**propose, ground="others_rights", facts=facts)
    with pytest.raises(NotAllowed):
        proposals.agree(proposal_id=proposal.id, actor=OFFICER)
    with pytest.raises(Conflict):
        services.prepare_answer(case_id=case.id, actor=OFFICER)
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    assert case.withheld.get().what == HeldBack.TEMPLATE
    answer = answers.answered(case)
    assert answer.records.count() == 2
    rows = {one["id"]: one for one in data(answer)["records"]}
    held, given = rows[str(shown.id)], rows[str(coded.id)]
    assert (held["template"], held["template_withheld"]) == (None, True)
    assert len(given["template"]) == 128
    assert given["template_withheld"] is False
    text = letter(answer)
    number = held["number"]
    assert f"Face code of picture {number} not given (Art. 15(4) GDPR)" in text
    assert facts in text
    assert "the numbers are not given, why stands below" in text
    services.approve_answer(answer_id=answer.id, actor=SECOND)
    case.refresh_from_db()
    assert case.outcome == Outcome.PARTLY_REFUSED


# -- automated decisions --------------------------------------------------------------------------


def test_what_a_computer_does_is_said_in_full_and_can_be_read(settings: Any) -> None:
    """A-12: comparison, threshold, two people, use by customers; short sentences, no jargon."""
    settings.DSR_AUTOMATED_USE = "Customers get a list. A person of theirs looks at each entry."
    answer = made(a_face())
    case = answer.case
    for language, parts in {
        "en": ("measures how alike", "above a threshold", "Two people", "own products"),
        "nl": ("meet hoe gelijkend", "boven een drempel", "Twee mensen", "eigen producten"),
        "de": ("ähnlich", "Schwelle", "Zwei Menschen", "eigenen Produkte"),
    }.items():
        with translation.override(language):
            text = section(answer, "automatic")["text"]
        for part in (*parts, settings.DSR_AUTOMATED_USE):
            assert part in text, (language, part)
        assert plain.problems([text], language=language) == []
        ours = text.replace(settings.DSR_AUTOMATED_USE, "")
        lengths = [plain.words_in(one) for one in plain.sentences(ours)]
        assert sum(lengths) / len(lengths) <= plain.MEAN, language
    settings.DSR_AUTOMATED_USE = ""
    assert "has not stated here how its own products use" in section(answer, "automatic")["text"]
    assert case.language == "en"


# -- rights, each with its page -------------------------------------------------------------------


def opened(answer: Answer, site: Any) -> tuple[Case, Client]:
    """The answer left, and the person opened it and is on the page of the request."""
    case = answers.released(answer)
    code = cases.receipt_code(case)
    cases.open_delivery(token=cases.link_token(case.deliveries.get()), code=code)
    site("public")
    browser = Client()
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    case.refresh_from_db()
    return case, browser


@pytest.mark.parametrize(
    ("label", "begins", "page"),
    [
        ("Delete", "Yes.", "delete_now"),
        ("Correct", "Yes.", "correct"),
        ("Lock", "Yes, done", "evidence_lock"),
        ("Object", "Yes, at any time.", "add_right"),
        ("Take along", "Not the pictures we collected", "own_data"),
        ("Withdraw consent", "Yes, on the status page.", "case"),
    ],
)
def test_each_right_has_yes_or_no_a_reason_and_a_page_that_opens(
    site: Any, label: str, begins: str, page: str
) -> None:
    """A-09: the address printed beside the right opens with reference and code, and not without."""
    answer = made(a_face())
    words = str(dict(section(answer, "rights")["rows"])[label])
    assert words.startswith(begins)
    (address,) = re.findall(r"https?://\S+", words)
    assert address == links.url_for("public", f"public:{page}")
    _case, browser = opened(answer, site)
    path = reverse(f"public:{page}")
    assert address.endswith(path)
    assert browser.get(path).status_code == 200
    assert Client().get(path).url == reverse("public:status")


def test_what_was_done_already_is_said_beside_the_right() -> None:
    """A-09: who objected reads that we stop, not that they may ask."""
    answer = made(a_face())
    CaseRight.objects.create(case=answer.case, right="objection")
    words = dict(section(answer, "rights")["rows"])["Object"]
    assert str(words).startswith("Yes, done: you objected, and we stop.")


# -- the request's own data -----------------------------------------------------------------------


def test_the_days_of_deletion_that_are_printed_are_those_on_which_it_is_deleted(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """A-22: photo, contact data and answer, each by the date the section about them prints."""
    answer = made(a_face())
    answer.case.rights.exclude(right="access").delete()
    rows = dict(section(answer, "request-data")["rows"])
    case = answers.released(answer)
    probe = Probe.objects.get(case=case)
    assert case.delivered_at is not None
    received, left = clock.local_date(probe.received_at), clock.local_date(case.delivered_at)
    package_ends = left + timedelta(days=settings.DSR_PACKAGE_DAYS)
    assert f"received on {day(received)}" in rows["Your photo"]
    assert f"until about {day(package_ends)}" in rows["This answer"]
    (photo_days,) = re.findall(r"(\d+) days after this answer leaves", rows["Your photo"])
    (contact_days,) = re.findall(
        r"until (\d+) days after the request closes", rows["Your contact data"]
    )

    def at(days: int) -> None:
        moment = case.delivered_at + timedelta(days=days, hours=1 + days // 30)
        monkeypatch.setattr(clock, "now", lambda: moment)
        services.end_packages()
        cases.close_due()
        vault.run_shred()
        probe.refresh_from_db()
        case.refresh_from_db()
        answer.refresh_from_db()

    package = answer.package_unit
    at(int(photo_days) - 1)
    assert (probe.state == ProbeState.DELETED, answer.package_unit) == (False, package)
    at(int(photo_days))
    assert probe.state == ProbeState.DELETED
    assert answer.package_unit is None
    assert vault.unit_state(package) == vault.UnitState.SHREDDED
    assert vault.unit_state(case.contact_unit) == vault.UnitState.LIVE
    at(int(photo_days) + int(contact_days) - 1)
    assert vault.unit_state(case.contact_unit) == vault.UnitState.LIVE
    at(int(photo_days) + int(contact_days))
    assert vault.unit_state(case.contact_unit) == vault.UnitState.SHREDDED
