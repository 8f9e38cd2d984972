"""Which thresholds serve, who decided, and what may be said of them (R15, R21, R22, R34, L-15)."""

import copy
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.policy import selectors, services
from dsr_portal.recognition import calibration
from dsr_portal.recognition.models import ModelVersion, Template
from tests.support.matching import staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]

OPERATOR = Actor.operator()
CHIEF = Actor("V-1", "supervisor", "staff")
DIRECTOR = Actor("C-1", "director", "staff")
DPO = Actor("D-1", "dpo", "staff")


def content(**more):
    """The shipped calibration as if it had been made here, on enough people."""
    made = copy.deepcopy(calibration.shipped())
    made.update(people_with_pairs=500, set_name="Press 2026", enrolled=1_000, **more)
    made["review"]["value"], made["strong"]["value"] = 0.31, 0.47
    made["found"] = {"value": 0.985, "low": 0.98, "high": 0.99}
    return made


def gallery(faces, *, name="SFace"):
    """Rows of templates of the active model, as a gallery of this size has."""
    parts = calibration.shipped()["model"].split("/")
    model = ModelVersion.objects.create(
        name=name, weights_sha256=parts[1], alignment_version=parts[2],
        mean_face_sha256=parts[3], dimensions=128, active=True, created_at=clock.now(),
    )  # fmt: skip
    Template.objects.bulk_create(
        Template(record_id=new_id(), model=model, unit=new_id(), change_number=number)
        for number in range(faces)
    )


@pytest.fixture
def shipped_serves(settings):
    own = calibration.shipped()
    settings.DSR_REVIEW_THRESHOLD = own["review"]["value"]
    settings.DSR_STRONG_THRESHOLD = own["strong"]["value"]


@pytest.mark.usefixtures("shipped_serves")
def test_the_shipped_calibration_serves_first_and_claims_nothing_about_misses():
    """R15: what was not measured here is not printed as if it had been."""
    serving = calibration.in_force()
    assert serving.shipped
    assert serving.content["people_with_pairs"] < calibration.ENOUGH_PEOPLE
    assert selectors.current("review_threshold") == serving.content["review"]["value"]
    assert calibration.measured_misses(serving.content["review"]["value"]) is None


def test_thresholds_named_by_the_installation_carry_no_odds(settings):
    """The demo's rendered people are closer together than real ones: no figure is borrowed."""
    settings.DSR_REVIEW_THRESHOLD = 0.62
    gallery(3)
    assert calibration.in_force() is None
    assert calibration.odds_step(0.99) == ""


def test_the_first_calibration_serves_at_once_and_the_trail_says_so():
    """R34."""
    gallery(3)
    row = services.file_calibration(actor=OPERATOR, content=content())
    assert selectors.current("review_threshold") == 0.31
    assert selectors.current("strong_threshold") == 0.47
    event = Event.objects.get(type="policy.calibration_filed")
    assert event.data["serves"] == "at_once"
    assert event.data["content"] == services.content_hash(row.value)
    misses = calibration.measured_misses(0.31)
    assert (misses.name, misses.people) == ("Press 2026", 500)
    assert misses.missed == pytest.approx(0.015)
    assert (misses.low, misses.high) == (pytest.approx(0.01), pytest.approx(0.02))


def test_a_later_one_waits_for_two_persons_and_advice():
    """R34: proposal, adoption by one, the DPO's advice, approval by another."""
    gallery(3)
    services.file_calibration(actor=OPERATOR, content=content())
    second = content()
    second["review"]["value"] = 0.28
    row = services.file_calibration(actor=OPERATOR, content=second)
    assert selectors.current("review_threshold") == 0.31
    with pytest.raises(Conflict, match="setting_not_adopted"):
        services.approve(actor=DIRECTOR, setting_id=row.id)
    with pytest.raises(BadInput, match="setting_needs_reason"):
        services.adopt(actor=CHIEF, setting_id=row.id, reason="Gallery grew", dpia_note=" ")
    services.adopt(actor=CHIEF, setting_id=row.id, reason="Gallery grew", dpia_note="DPIA 5")
    with pytest.raises(Conflict, match="setting_adopted"):
        services.adopt(actor=DIRECTOR, setting_id=row.id, reason="x", dpia_note="y")
    with pytest.raises(Conflict, match="setting_needs_advice"):
        services.approve(actor=DIRECTOR, setting_id=row.id)
    services.advise(actor=DPO, setting_id=row.id, advice="Fine")
    with pytest.raises(NotAllowed, match="setting_two_persons"):
        services.approve(actor=CHIEF, setting_id=row.id)
    services.approve(actor=DIRECTOR, setting_id=row.id)
    assert selectors.current("review_threshold") == 0.28
    assert calibration.in_force().version == 2


def test_a_first_one_replaces_nothing_that_people_decided():
    """R34: an operator alone undoes no threshold that two persons and the DPO put in force."""
    row = services.propose(
        actor=CHIEF, name="review_threshold", value=0.42, reason="Desk", dpia_note="DPIA 3"
    )
    services.advise(actor=DPO, setting_id=row.id, advice="Fine")
    services.approve(actor=DIRECTOR, setting_id=row.id)
    filed = services.file_calibration(actor=OPERATOR, content=content())
    assert filed.state == "proposed"
    assert selectors.current("review_threshold") == 0.42
    assert Event.objects.get(type="policy.calibration_filed").data["serves"] == "waits"


def test_advice_given_before_the_note_is_asked_for_again():
    services.file_calibration(actor=OPERATOR, content=content())
    row = services.file_calibration(actor=OPERATOR, content=content())
    services.advise(actor=DPO, setting_id=row.id, advice="Fine")
    services.adopt(actor=CHIEF, setting_id=row.id, reason="Grew", dpia_note="DPIA 8")
    with pytest.raises(Conflict, match="setting_needs_advice"):
        services.approve(actor=DIRECTOR, setting_id=row.id)


def test_only_the_operator_files_one():
    for somebody in (CHIEF, DPO, Actor.system("x")):
        with pytest.raises(NotAllowed, match="calibration_operator"):
            services.file_calibration(actor=somebody, content=content())


def test_a_threshold_people_set_after_it_serves_and_silences_the_figure():
    """R22: raising goes by R34, and no letter repeats a recall that is no longer true."""
    gallery(3)
    services.file_calibration(actor=OPERATOR, content=content())
    row = services.propose(
        actor=CHIEF, name="review_threshold", value=0.4, reason="Too many", dpia_note="DPIA 6"
    )
    services.advise(actor=DPO, setting_id=row.id, advice="Against")
    with_clock = clock.now() + timedelta(seconds=1)
    services.approve(actor=DIRECTOR, setting_id=row.id)
    row.refresh_from_db()
    row.approved_at = with_clock
    row.save()
    assert selectors.current("review_threshold") == 0.4
    assert selectors.current("strong_threshold") == 0.47
    assert calibration.measured_misses(0.4) is None


def test_odds_follow_the_size_of_the_gallery_and_the_model():
    """R21: of candidates this alike about one in so many, among so many faces."""
    gallery(3)
    services.file_calibration(actor=OPERATOR, content=content())
    order = ["under_1_in_1000", "1_in_200", "1_in_20", "1_in_2"]
    steps = [calibration.odds_step(0.8, enrolled=n) for n in (10, 10_000, 10_000_000)]
    assert [order.index(step) for step in steps] == sorted(order.index(step) for step in steps)
    assert steps[0] != steps[-1]
    assert calibration.odds_step(0.8, kind="widened") == ""
    ModelVersion.objects.update(alignment_version="another")
    assert calibration.in_force() is None
    assert calibration.odds_step(0.8) == ""
    assert calibration.measured_misses(0.31) is None


def test_a_gallery_that_has_outgrown_it_is_told():
    """R22."""
    services.file_calibration(actor=OPERATOR, content=content())
    gallery(3)
    assert calibration.outgrown() is None
    Template.objects.all().delete()
    ModelVersion.objects.all().delete()
    gallery(2_500)
    assert calibration.outgrown() == pytest.approx(2.5)
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("calibrate", "--check", stdout=out)
    assert ended.value.code == 1
    assert "2.5 times larger than the 1,000 faces of calibration 1" in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name the folder"),
        (["x", "--recall", "1.5"], "--recall must lie between"),
        (["x", "--fpir", "0"], "--fpir must lie between"),
        (["x", "--enrolled", "0"], "--enrolled must be"),
        (["x", "--records-per-person", "0"], "--records-per-person must be"),
        (["no-such-folder"], "is no folder"),
    ],
)
def test_bad_arguments_are_answered_in_words(arguments, words):
    with pytest.raises(CommandError, match=words):
        call_command("calibrate", *arguments)


def test_people_decide_on_the_command_line_as_themselves():
    """R20, R34: the twin of a settings page, with the same services and permissions."""
    for number, role in (("V-7", Role.SUPERVISOR), ("C-7", Role.DIRECTOR), ("D-7", Role.DPO)):
        staff(number, role)
    services.file_calibration(actor=OPERATOR, content=content())
    row = services.file_calibration(actor=OPERATOR, content=content())

    def run(*arguments):
        out = StringIO()
        call_command("policy", *arguments, "--json", stdout=out)
        return json.loads(out.getvalue())

    (waiting,) = run("list")["proposals"]
    assert (waiting["setting"], waiting["value"]) == ("calibration", "Press 2026")
    name = ["--proposal", str(row.id)]
    run("adopt", "--as", "V-7", *name, "--reason", "More pictures", "--dpia-note", "DPIA 7")
    run("advise", "--as", "D-7", *name, "--advice", "Fine")
    with pytest.raises(CommandError, match="Another person") as refused:
        run("approve", "--as", "V-7", *name)
    assert refused.value.returncode == 3
    assert run("approve", "--as", "C-7", *name)["state"] == "serving"
    with pytest.raises(CommandError, match="needs --as"):
        run("approve", *name)
    with pytest.raises(CommandError, match="no proposal's id"):
        run("approve", "--as", "C-7", "--proposal", "7")
