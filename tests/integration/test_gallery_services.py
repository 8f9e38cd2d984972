"""Hold, restriction, erasure and block are states of a record (R1, R23, E-08, E-12, E-13)."""

import pytest

from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.gallery import connector, selectors, services
from dsr_portal.gallery.models import (
    Appearance,
    BlockEntry,
    Hold,
    InspectionHold,
    Record,
    SourceImage,
)
from dsr_portal.recognition.models import Change
from dsr_portal.vault import services as vault
from tests.support.gallery import a_record, a_source, an_image, own_places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

OFFICER = Actor(id="S-1001", role="officer", kind="staff")
OPERATOR = Actor.operator()


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


def state_of(record):
    return Record.objects.get(id=record.id).state


def events(kind):
    return Event.objects.filter(type=kind).count()


def test_a_hold_is_one_per_case_and_ends_with_a_decision_or_the_case():
    mine, other = new_id(), new_id()
    first, second = a_record(), a_record()
    held = {"record_ids": [first.id, second.id], "actor": OFFICER}
    assert services.hold(case_id=mine, **held) == {first.id, second.id}
    assert services.hold(case_id=mine, **held) == {first.id, second.id}
    assert events("record.held") == 2
    assert services.hold(case_id=other, record_ids=[first.id], actor=OFFICER) == {first.id}
    assert selectors.cases_on([first.id]) == {first.id: {mine, other}}
    assert services.release_holds(case_id=mine, record_ids=[first.id], actor=OFFICER) == 1
    assert services.release_holds(case_id=mine, actor=OFFICER) == 1
    assert Hold.objects.filter(until=None).count() == 1
    assert (events("record.held"), events("record.released")) == (3, 2)


@pytest.mark.parametrize("state", [Record.State.ERASING, Record.State.ERASED])
def test_what_is_being_erased_is_not_held(state):
    standing, going = a_record(), a_record()
    Record.objects.filter(id=going.id).update(state=state)
    asked = [standing.id, going.id]
    assert services.hold(case_id=new_id(), record_ids=asked, actor=OFFICER) == {standing.id}
    assert list(Hold.objects.values_list("record_id", flat=True)) == [standing.id]


def test_an_unknown_record_changes_nothing():
    record = a_record()
    with pytest.raises(NotFound):
        services.hold(record_ids=[record.id, new_id()], case_id=new_id(), actor=OFFICER)
    assert not Hold.objects.exists()


def test_a_restricted_record_is_out_of_use_and_has_its_change_number():
    """E-08: the controller's product asks restricted?(ids)."""
    case, record, free = new_id(), a_record(), a_record()
    assert services.restricted([record.id, free.id]) == set()
    restrict = {"record_ids": [record.id], "case_id": case, "actor": OFFICER}
    assert services.restrict(reason="same_person", **restrict) == 1
    assert services.restrict(reason="same_person", **restrict) == 0
    assert services.restricted([record.id, free.id]) == {record.id}
    assert Change.objects.get(record_id=record.id).kind == "RESTRICT"
    assert services.lift_restriction(reason="second_disagrees", **restrict) == 1
    assert services.restricted([record.id]) == set()
    assert [row.kind for row in Change.objects.order_by("number")] == ["RESTRICT", "LIFT"]


def test_an_unknown_id_is_restricted_too():
    """Deny by default: the product must not use what this gallery does not hold."""
    stranger = new_id()
    assert services.restricted([stranger]) == {stranger}


def test_a_restriction_stays_while_another_case_needs_it():
    one, two, record = new_id(), new_id(), a_record()
    for case in (one, two):
        services.restrict(record_ids=[record.id], case_id=case, actor=OFFICER, reason="same_person")
    services.lift_restriction(record_ids=[record.id], case_id=one, actor=OFFICER, reason="closed")
    assert state_of(record) == "RESTRICTED"
    services.lift_restriction(record_ids=[record.id], case_id=two, actor=OFFICER, reason="closed")
    assert state_of(record) == "HELD"


def test_an_erasure_waits_for_another_cases_decision():
    """R1: a hold of another case comes first, and nothing has changed until then."""
    mine, other = new_id(), new_id()
    first, second = a_record(), a_record()
    services.hold(record_ids=[first.id], case_id=mine, actor=OFFICER)
    services.hold(record_ids=[second.id], case_id=other, actor=OFFICER)
    erase = {"record_ids": [first.id, second.id], "case_id": mine, "actor": OFFICER}
    with pytest.raises(Conflict, match="held_by_other_case"):
        services.mark_erasing(**erase)
    assert {state_of(first), state_of(second)} == {"HELD"}
    services.release_holds(case_id=other, actor=OFFICER)
    assert services.mark_erasing(**erase) == 2
    assert services.mark_erasing(**erase) == 0
    assert services.restricted([first.id]) == {first.id}
    assert services.mark_erased(**erase) == 2
    assert services.mark_erased(**erase) == 0
    assert not Hold.objects.filter(until=None).exists()
    with pytest.raises(Conflict, match="record_state"):
        services.restrict(record_ids=[first.id], case_id=mine, actor=OFFICER, reason="late")


def test_an_inspection_hold_keeps_pictures_until_the_authority_has_looked():
    record = a_record()
    hold = InspectionHold.objects.create(source=a_source(), since=clock.now())
    erase = {"record_ids": [record.id], "case_id": new_id(), "actor": OFFICER}
    with pytest.raises(Conflict, match="inspection_hold"):
        services.mark_erasing(**erase)
    InspectionHold.objects.filter(id=hold.id).update(lifted_at=clock.now())
    assert services.mark_erasing(**erase) == 1


def test_a_source_needs_a_legal_basis_line_and_keeps_it():
    """R23: "none" is allowed and printed; silence and a change of words are not."""
    declare = {"name": "Archive", "actor": OPERATOR}
    with pytest.raises(BadInput, match="source_without_basis"):
        services.declare_source(legal_basis="  ", **declare)
    source = services.declare_source(legal_basis="None", **declare)
    assert source.legal_basis == "none"
    assert services.declare_source(legal_basis="none", **declare) == source
    with pytest.raises(Conflict, match="source_basis_differs"):
        services.declare_source(legal_basis="Art. 6(1)(f)", **declare)
    assert events("gallery.source_declared") == 1


def test_a_stop_covers_one_source_or_all():
    one, two = a_source("One"), a_source("Two")
    stop = services.stop_collection(source=one, reason="order", actor=OPERATOR)
    assert (services.collection_stopped(one), services.collection_stopped(two)) == (True, False)
    services.resume_collection(stop_id=stop.id, actor=OPERATOR)
    assert not services.collection_stopped(one)
    services.stop_collection(source=None, reason="order", actor=OPERATOR)
    assert services.collection_stopped(one)
    assert services.collection_stopped(two)


def test_blocked_addresses_and_files_are_known_by_keyed_hash_only():
    """E-12, E-13: addresses of an erased picture, and one the person named."""
    case, image = new_id(), an_image(page_url="https://a.example/Mina", image_url="")
    page = "http://www.a.example/Mina?utm_source=z"
    assert not services.blocked(page=page, file_hash=image.file_hash)
    added = services.block_addresses(
        case_id=case, actor=OFFICER, image_ids=[image.id], images=["https://b.example/m.jpg"]
    )
    assert added == 3
    assert services.blocked(page=page)
    assert services.blocked(image="b.example/m.jpg")
    assert services.blocked(file_hash=image.file_hash)
    assert not services.blocked(page="https://a.example/Ilse", image="", file_hash="f" * 64)
    assert services.block_addresses(case_id=case, actor=OFFICER, image_ids=[image.id]) == 0
    known = set(BlockEntry.objects.values_list("hash", flat=True))
    joined = set(Appearance.objects.values_list("page_hash", flat=True)) | {image.file_hash}
    assert not known & joined
    assert services.unblock(case_id=case, actor=OFFICER) == 3
    assert not services.blocked(page=page)


def test_records_are_found_by_address_and_by_exact_file():
    image = an_image(page_url="https://a.example/x", image_url="https://a.example/x.jpg")
    one, two = a_record(image), a_record(image)
    for address in ("a.example/x", "https://a.example/x.jpg"):
        assert selectors.by_address(address) == [one, two]
    assert selectors.by_address("https://a.example/y") == []
    assert selectors.by_address("no address at all") == []
    assert selectors.by_file(connector.current().picture(image.id)) == [one, two]
    assert selectors.by_file(b"another file") == []
    assert selectors.other_records_of_image(one.id) == [two]


def test_the_connector_reads_what_the_import_kept():
    image = an_image(page_url="https://a.example/x", caption="Mina, left")
    record = a_record(image)
    facts, face = connector.current().facts(image.id), connector.current().face(record.id)
    assert (facts.source, facts.legal_basis) == ("Archive", "none documented")
    assert (facts.page_url, facts.caption, facts.collected_at) == (
        "https://a.example/x", "Mina, left", "",
    )  # fmt: skip
    assert (face.box, face.quality, face.crop()) == ((1, 2, 3, 4), {"sharpness": 0.5}, b"crop")
    with pytest.raises(NotFound):
        connector.current().facts(new_id())


def test_a_covered_picture_takes_the_place_of_the_old_one_for_the_others():
    """Design, section 5: a new unit for the others' records, the old one goes (A-15, E-04)."""
    case, image = new_id(), an_image(page_url="https://a.example/g", caption="Mina and Tomas")
    mina, tomas = a_record(image), a_record(image)
    services.mark_erasing(record_ids=[mina.id], case_id=case, actor=OFFICER)
    replace = {
        "image_id": image.id, "picture": b"covered" * 1000, "width": 9, "height": 9,
        "actor": OFFICER, "case_id": case, "without": ["caption"],
    }  # fmt: skip
    fresh = connector.current().replace_picture(**replace)
    assert connector.current().replace_picture(**replace) == fresh
    tomas.refresh_from_db()
    mina.refresh_from_db()
    assert (tomas.image_id, mina.image_id) == (fresh, image.id)
    facts = connector.current().facts(fresh)
    assert (facts.covered, facts.page_url, facts.caption) == (True, "https://a.example/g", "")
    assert connector.current().picture(fresh) == b"covered" * 1000
    old = SourceImage.objects.get(id=image.id)
    assert (old.state, old.file_hash) == ("ERASED", None)
    with pytest.raises(vault.Shredded):
        connector.current().picture(image.id)
    assert selectors.by_address("a.example/g") == [tomas]


def test_a_shared_picture_is_not_destroyed_and_a_lonely_one_is():
    case, image = new_id(), an_image(page_url="https://a.example/g")
    mina, tomas = a_record(image), a_record(image)
    destroy = {"image_id": image.id, "actor": OFFICER, "case_id": case}
    services.mark_erasing(record_ids=[mina.id], case_id=case, actor=OFFICER)
    with pytest.raises(Conflict, match="picture_shared"):
        connector.current().destroy_picture(**destroy)
    with pytest.raises(Conflict, match="record_state"):
        connector.current().destroy_face(record_id=tomas.id)
    services.mark_erasing(record_ids=[tomas.id], case_id=case, actor=OFFICER)
    units = connector.current().destroy_picture(**destroy)
    units += connector.current().destroy_face(record_id=mina.id)
    assert units == [image.unit, mina.unit]
    assert connector.current().destroy_picture(**destroy) == [image.unit]
    vault.run_shred()
    assert {vault.unit_state(unit) for unit in units} == {vault.UnitState.SHREDDED}
    assert not Appearance.objects.exists()


def test_coverage_counts_every_picture_of_the_sources_once():
    """R15: S = searchable + unreadable + faceless + pending, whatever happens to records."""
    case = new_id()
    mina, _tomas = a_record(), a_record()
    blurred, broken = an_image(), an_image()
    SourceImage.objects.filter(id=blurred.id).update(state="NO_FACE", problem="no_face")
    SourceImage.objects.filter(id=broken.id).update(state="UNREADABLE", problem="truncated")
    run = blurred.run
    run.state, run.seen, run.imported, run.duplicates = "RUNNING", 10, 4, 1
    run.save()
    counted = selectors.coverage()
    assert (counted.pictures, counted.searchable, counted.faces) == (9, 2, 2)
    assert (counted.unreadable, counted.faceless, counted.pending) == (1, 1, 5)
    assert counted.not_searchable == 7
    services.mark_erasing(record_ids=[mina.id], case_id=case, actor=OFFICER)
    assert selectors.coverage().searchable == 1
    assert selectors.coverage().pictures == 9
    with unit_of_work():
        services.mark_erased(record_ids=[mina.id], case_id=case, actor=OFFICER)
    connector.current().destroy_picture(image_id=mina.image_id, actor=OFFICER)
    assert selectors.coverage().pictures == 8


def test_a_crowd_is_searchable_and_its_faces_that_were_left_out_are_counted(tmp_path):
    """R15: they follow their picture when a face in it is covered, and go with it."""
    case, record, _other = new_id(), a_record(), a_record()
    assert (selectors.coverage().crowds, selectors.coverage().left_out) == (0, 0)
    SourceImage.objects.filter(id=record.image_id).update(faces_left_out=41)
    counted = selectors.coverage()
    assert (counted.crowds, counted.left_out, counted.not_searchable) == (1, 41, 0)
    fresh = connector.current().replace_picture(
        image_id=record.image_id, picture=b"covered", width=9, height=9, case_id=case, actor=OFFICER
    )
    assert selectors.coverage().left_out == 41
    record.refresh_from_db()
    assert record.image_id == fresh
    services.mark_erasing(record_ids=[record.id], case_id=case, actor=OFFICER)
    with unit_of_work():
        services.mark_erased(record_ids=[record.id], case_id=case, actor=OFFICER)
    connector.current().destroy_picture(image_id=fresh, actor=OFFICER)
    assert (selectors.coverage().crowds, selectors.coverage().left_out) == (0, 0)


def test_coverage_can_be_told_for_a_moment():
    a_record()
    before = clock.now()
    a_record()
    assert (selectors.coverage(before).pictures, selectors.coverage().pictures) == (1, 2)
