"""Re-enrolment under another model, beside the one that serves (design, section 6; R34)."""

import json
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Hold, Record
from dsr_portal.policy import services as policy
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import reenrolment
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import ModelVersion, Shard, Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from tests.support import doubled
from tests.support.gallery import PEOPLE, copy, forget_index, own_places

pytestmark = [pytest.mark.django_db(transaction=True)]

CHIEF, DIRECTOR = Actor("V-1", "supervisor", "staff"), Actor("C-1", "director", "staff")
DPO = Actor("D-1", "dpo", "staff")
THRESHOLD = 0.62


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home, monkeypatch):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS, settings.DSR_MODELS = weights_home, doubled.MODELS
    doubled.install(monkeypatch.setattr)
    imported(tmp_path / "first", "gallery/office-five.jpg", "gallery/summer-run.jpg")
    yield
    forget_index()


def imported(folder, *names):
    call_command(
        "import_gallery", str(copy(names, folder)), "--source", "Halden Images",
        "--legal-basis", "none", stdout=StringIO(), stderr=StringIO(), skip_checks=True,
    )  # fmt: skip


def reenrol(model="GhostFaceNet"):
    out = StringIO()
    call_command(
        "reenrol", "--model", model, "--json", stdout=out, stderr=StringIO(), skip_checks=True
    )
    return SimpleNamespace(**json.loads(out.getvalue()))


def approve(number):
    decide("recognition_model", number)


def decide(name, value):
    """Two persons, the DPO's advice and the note (R34)."""
    change = policy.propose(
        actor=CHIEF, name=name, value=value, reason="Better", dpia_note="DPIA 4.2"
    )
    policy.advise(actor=DPO, setting_id=change.id, advice="Measured, no objection.")
    policy.approve(actor=DIRECTOR, setting_id=change.id)


def decide_thresholds():
    decide("review_threshold", 0.3)
    decide("strong_threshold", 0.6)


def erase(record_id):
    with unit_of_work():
        numbers = recognition.erase_records(record_ids=[record_id])
        Record.objects.filter(id=record_id).update(state=Record.State.ERASING)
    return numbers, connector.current().destroy_face(record_id=record_id)


def test_the_old_model_serves_until_two_persons_approved_and_then_nothing_of_it_is_left(tmp_path):
    imported(tmp_path / "one", "gallery/staff-page.jpg")
    count = Record.objects.count()
    old_units = set(Record.objects.values_list("unit", flat=True))
    recognition.seal_shards()
    old_shards = set(Shard.objects.values_list("unit", flat=True))
    assert old_shards
    told = reenrol()
    assert (told.made, told.left, told.published, told.number) == (count, 0, False, 2)
    assert engines.entry().name == "SFace"
    assert {row.name for row in recognition.template_facts(records()).values()} == {"SFace"}
    model = ModelVersion.objects.get(name="GhostFaceNet")
    with pytest.raises(Conflict, match="model_not_approved"):
        reenrolment.publish(model=model, actor=Actor.operator())
    approve(told.number)
    with pytest.raises(Conflict, match="model_thresholds"):
        reenrolment.publish(model=model, actor=Actor.operator())
    decide_thresholds()
    told = reenrol()
    assert (told.made, told.published, told.retired) == (0, True, count)
    assert list(ModelVersion.objects.filter(active=True)) == [model]
    assert (model.dimensions, Template.objects.count()) == (512, count)
    assert set(Template.objects.values_list("model", flat=True)) == {model.id}
    new_units = set(Record.objects.values_list("unit", flat=True))
    assert set(Template.objects.values_list("unit", flat=True)) == new_units
    assert not new_units & old_units
    for unit in new_units:
        assert {"crop", "face", "template"} <= set(vault.fields(unit))
        assert len(vault.read(unit, "template")) == 4 * 512
    for unit in old_units | old_shards:
        with pytest.raises(vault.Shredded):
            vault.read(unit, "template")
    assert Event.objects.filter(type="index.model_published").get().data["rows"] == count
    probe = decode_picture((PEOPLE / "gallery" / "staff-page.jpg").read_bytes())
    outcome = recognition.search_probe(picture=probe, threshold=THRESHOLD)
    assert outcome.hits
    assert (outcome.whole, outcome.compared, outcome.model.dimensions) == (True, count, 512)
    recognition.seal_shards()
    forget_index()
    again = recognition.search_probe(picture=probe, threshold=THRESHOLD)
    assert (again.compared, again.hits[0].record_id) == (count, outcome.hits[0].record_id)
    assert set(Shard.objects.values_list("model", flat=True)) == {model.id}


def records():
    return list(Record.objects.values_list("id", flat=True))


def test_what_is_enrolled_and_erased_meanwhile_is_applied_and_the_erased_never_come_back(tmp_path):
    first = Record.objects.count()
    assert reenrol().made == first
    gone = Record.objects.order_by("id").first()
    prepared = Template.objects.get(record_id=gone.id, model__active=False)
    (number,), units = erase(gone.id)
    assert set(units) == {gone.unit, prepared.unit}
    for unit in units:
        with pytest.raises(vault.Shredded):
            vault.read(unit, "template")
    imported(tmp_path / "more", "gallery/staff-page.jpg")
    approve(2)
    decide_thresholds()
    model = ModelVersion.objects.get(name="GhostFaceNet")
    with pytest.raises(Conflict, match="reenrol_not_whole"):
        reenrolment.publish(model=model, actor=Actor.operator())
    told = reenrol()
    assert (told.made, told.published) == (1, True)
    living = Template.objects.filter(model=model, erased_change=None)
    assert living.count() == first
    assert not living.filter(record_id=gone.id).exists()
    assert Template.objects.get(record_id=gone.id, model=model).erased_change == number
    probe = decode_picture((PEOPLE / "gallery" / "staff-page.jpg").read_bytes())
    outcome = recognition.search_probe(picture=probe, threshold=-1.0)
    assert (outcome.compared, len(outcome.hits)) == (first, first)
    assert gone.id not in {hit.record_id for hit in outcome.hits}


def test_a_record_erased_while_its_batch_is_embedded_gets_no_template(monkeypatch):
    original, erased = reenrolment.add, []

    def erases_first(model, made):
        if not erased:
            erased.append(made[0].record_id)
            Template.objects.filter(record_id=made[0].record_id).update(erased_change=99)
        return original(model, made)

    monkeypatch.setattr(reenrolment, "add", erases_first)
    count = Record.objects.count()
    told = reenrol()
    assert (told.made, told.left) == (count - 1, 0)
    assert not Template.objects.filter(record_id=erased[0], model__active=False).exists()


def test_a_face_that_a_case_holds_keeps_its_unit_until_the_case_lets_it_go():
    held = Record.objects.first()
    hold = Hold.objects.create(record=held, case_id=held.id, since=held.enrolled_at)
    reenrol()
    approve(2)
    decide_thresholds()
    count = Record.objects.count()
    assert reenrol().retired == count - 1
    assert Record.objects.get(id=held.id).unit == held.unit
    Hold.objects.filter(id=hold.id).update(until=held.enrolled_at)
    assert reenrol().retired == 1
    assert not Template.objects.filter(model__active=False).exists()


def test_a_model_that_is_not_offered_is_refused():
    with pytest.raises(CommandError, match="model_unknown"):
        reenrol("ArcFace")
