"""A child's photo and contact data go sooner than an adult's (law C-02; rule R34)."""

import pytest

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import deliveries, keep_days, mandates
from dsr_portal.cases import services as cases
from dsr_portal.cases.child_models import AgeBand
from dsr_portal.cases.models import Case, RightCode, Status
from dsr_portal.core.errors import BadInput
from dsr_portal.disclosure.words import simple_words
from dsr_portal.documents import services as documents
from dsr_portal.matching.models import Probe, ProbeState, Verdict
from dsr_portal.policy import selectors as policy
from dsr_portal.policy.catalogue import DEFINITIONS
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support.answers import a_face, text_of
from tests.support.gallery import own_places
from tests.support.travel import Travel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def travel(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    return Travel(monkeypatch, "2026-09-10")


def answered(seed, band):
    """A request that was answered and asked for no erasure: nothing but the days ends it."""
    record = a_face(seed=seed)
    answers.staff()
    case = answers.requested(rights=[RightCode.ACCESS])
    Case.objects.filter(id=case.id).update(age_band=band)
    case.refresh_from_db()
    decided = answers.decided(answers.searched(case, [record]), {record.id: Verdict.SAME})
    answer = answers.answered(decided)
    return answers.released(answer), answer


def kept(case):
    """Status, whether the photo is here, whether the contact data open."""
    case.refresh_from_db()
    photo = Probe.objects.filter(case=case).exclude(state=ProbeState.DELETED).exists()
    contact = vault.unit_state(case.contact_unit) is vault.UnitState.LIVE
    return case.status, photo, contact


@pytest.mark.parametrize("band", [AgeBand.UNDER_16, AgeBand.UNDER_18])
def test_a_childs_photo_and_contact_go_after_fourteen_days_each(travel, band):
    """C-02: an adult's request of the same day stays its thirty and thirty."""
    child, _answer = answered(1, band)
    adult, _answer = answered(2, "")
    cases.close_due()
    assert kept(child) == kept(adult) == (Status.DELIVERED, True, True)
    travel.to("2026-09-23")
    link = child.deliveries.get(kind="answer")
    cases.close_due()
    assert kept(child) == (Status.DELIVERED, True, True)
    assert deliveries.find_delivery(deliveries.link_token(link)), "open as long as any link"
    travel.to("2026-09-25")
    cases.close_due()
    assert kept(child) == (Status.CLOSED, False, True)
    assert kept(adult) == (Status.DELIVERED, True, True)
    travel.to("2026-10-10")
    cases.close_due()
    vault.run_shred()
    assert kept(child) == (Status.PURGED, False, False)
    assert kept(adult) == (Status.CLOSED, False, True)
    travel.to("2026-11-13")
    cases.close_due()
    vault.run_shred()
    assert kept(adult) == (Status.PURGED, False, False)


def test_the_childs_version_and_the_letter_name_the_days(travel):
    """C-02, T-03: the same number in words a child reads, and in the full text."""
    _child, answer = answered(1, AgeBand.UNDER_16)
    words = " ".join(simple_words(answer))
    assert "We delete it 14 days after this answer" in words
    text = text_of(documents.open_document(answer.document_id))
    assert "We delete it 14 days after this answer" in text
    assert "kept until 14 days after the request closes" in text
    _adult, other = answered(2, "")
    text = text_of(documents.open_document(other.document_id))
    assert "kept until 30 days after the request closes" in text
    assert not simple_words(other)


def test_the_shortest_is_the_start_and_longer_takes_the_gate(travel):
    """C-02, R34: between the life of a link and an adult's term; a change needs advice and two."""
    setting = DEFINITIONS["child_keep_days"]
    assert policy.current("child_keep_days") == setting.lowest == 14
    assert setting.highest == keep_days.KEEP_EACH.days == 30
    assert setting.dpia
    for days in (13, 31):
        with pytest.raises(BadInput):
            setting.clean(days)


def test_what_a_parent_asks_for_a_child_is_a_childs(travel):
    """C-02: nobody said an age; that a parent asks is enough."""
    case = answers.requested(rights=[RightCode.ACCESS])
    assert keep_days.keep_each(case) == keep_days.KEEP_EACH
    with unit_of_work():
        mandates.write_for_child(case=case, name="Lena Vos")
    assert keep_days.keep_each(case).days == 14
