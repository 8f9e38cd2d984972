"""Which thresholds serve, who decided, and what may be said of them (R15, R21, R22, R34, L-15)."""

import copy
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from biometrics.tail import Tail
from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.compliance import director, report
from dsr_portal.compliance.models import DirectorPage
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.matching.models import Search
from dsr_portal.policy import selectors, services
from dsr_portal.policy.models import Setting
from dsr_portal.recognition import calibration, outgrowing
from dsr_portal.recognition.models import GalleryNotice, ModelVersion, Template
from tests.support.matching import sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]

OPERATOR = Actor.operator()
CHIEF = Actor("V-1", "supervisor", "staff")
DIRECTOR = Actor("C-1", "director", "staff")
DPO = Actor("D-1", "dpo", "staff")


ODDS = {"grid": [-1.0, 0.0, 1.0], "log_ratio": [-5.0, 0.0, 9.0], "records_per_person": 1.0}


def content(**more):
    """The shipped calibration as if it had been made here, on enough people."""
    made = copy.deepcopy(calibration.shipped())
    made.update(people_with_pairs=500, set_name="Press 2026", enrolled=1_000, **more)
    made["review"]["value"], made["strong"]["value"] = 0.31, 0.47
    made["found"] = {
        "value": 0.985, "low": 0.98, "high": 0.99, "people": 512, "without_face": 0.002,
    }  # fmt: skip
    made["odds"] = {"one_photo": ODDS}
    return made


def gallery(faces, *, name="SFace"):
    """Rows of templates of the active model, as a gallery of this size has."""
    parts = calibration.shipped()["model"].split("/")
    ModelVersion.objects.create(
        name=name, weights_sha256=parts[1], alignment_version=parts[2],
        mean_face_sha256=parts[3], dimensions=128, active=True, created_at=clock.now(),
    )  # fmt: skip
    more(faces)


def more(faces):
    model = ModelVersion.objects.get(active=True)
    last = Template.objects.count()
    Template.objects.bulk_create(
        Template(record_id=new_id(), model=model, unit=new_id(), change_number=number)
        for number in range(last, last + faces)
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


@pytest.mark.usefixtures("shipped_serves")
def test_odds_that_met_no_strangers_are_not_shown_at_the_desk():
    """R15, R21: the shipped set's test had none to meet, so it says "not tested here"."""
    gallery(3)
    shipped = calibration.shipped()
    seen = sum(step["observed"] for step in shipped["checks"]["one_photo"]["steps"])
    assert seen < 5
    assert not shipped["checks"]["one_photo"]["tested"]
    assert shipped["odds"] == {}
    assert "odds_not_tested_one_photo" in shipped["remarks"]
    assert calibration.odds_step(0.99, enrolled=10_000) == ""


def test_a_calibration_of_before_keeps_its_thresholds_and_says_nothing_else():
    """R15: its misses left out pictures without a face, its odds needed no strangers to pass."""
    gallery(3)
    old = content()
    del old["format"]
    services.file_calibration(actor=OPERATOR, content=old)
    assert selectors.current("review_threshold") == 0.31
    assert calibration.in_force().version == 1
    assert calibration.measured_misses(0.31) is None
    assert calibration.odds_step(0.8) == ""


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
    assert (misses.name, misses.people) == ("Press 2026", 512)
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
    assert "2,500 faces are enrolled; the thresholds of calibration 1" in out.getvalue()
    assert "were measured for 1,000." in out.getvalue()


def stands():
    return list(
        GalleryNotice.objects.filter(settled_at=None).values_list("enrolled", "made_for", "desk")
    )


def told(kind):
    return Event.objects.filter(type=kind).count()


def test_a_gallery_ten_times_larger_warns_the_desk_and_the_director(client, site):
    """R22, B-07: daily, once; raised anew when it doubled again, settled by a calibration of it."""
    site("desk")
    made = content()
    made["enrolled"] = 100
    services.file_calibration(actor=OPERATOR, content=made)
    gallery(100)
    assert outgrowing.look() == 0
    assert outgrowing.standing() is None
    more(900)
    assert outgrowing.look() == 1
    assert outgrowing.look() == 0
    assert stands() == [(1_000, 100, 10)]
    assert told("recognition.outgrown") == 1
    staff("C-7", Role.DIRECTOR)
    chief = staff("V-7", Role.SUPERVISOR)
    director.serve_due()
    (page,) = DirectorPage.objects.filter(kind="outgrown")
    assert (page.kind, page.to, page.facts["faces"]) == ("outgrown", "C-7", 1_000)
    facts = dict(director.fact_lines(page))
    assert (facts["Faces enrolled"], facts["Thresholds were measured for"]) == ("1,000", "100")
    assert director.duty_of(page.kind)
    sign_in(client, chief)
    queue = client.get(reverse("desk:queue")).content.decode()
    assert "The gallery has outgrown its thresholds" in queue
    assert "1,000 faces are enrolled" in queue
    more(1_000)
    assert outgrowing.look() == 1
    assert stands() == [(2_000, 100, 10)]
    director.serve_due()
    assert DirectorPage.objects.filter(kind="outgrown").count() == 2
    settle = Setting.objects.get(name="calibration")
    settle.value["enrolled"] = 2_000
    settle.save()
    assert outgrowing.look() == 0
    assert stands() == []
    assert told("recognition.outgrown_settled") == 2
    director.serve_due()
    assert DirectorPage.objects.filter(kind="outgrown").count() == 2
    assert "outgrown its thresholds" not in client.get(reverse("desk:queue")).content.decode()


def test_more_strangers_than_the_desk_can_look_at_warn_in_a_gallery_of_the_measured_size():
    """R22: from the tail of the calibration at the threshold in force, times the faces now."""
    gallery(1_500)
    made = content()
    services.file_calibration(actor=OPERATOR, content=made)
    rate = Tail.from_json(made["tail"]).fmr(0.31)
    assert calibration.strangers_per_search(1_500) == pytest.approx(rate * 1_500)
    assert outgrowing.look() == 0
    row = services.propose(
        actor=CHIEF, name="review_threshold", value=0.15, reason="More", dpia_note="DPIA 9"
    )
    services.advise(actor=DPO, setting_id=row.id, advice="Fine")
    services.approve(actor=DIRECTOR, setting_id=row.id)
    strangers = calibration.strangers_per_search(1_500)
    assert strangers > 10
    assert calibration.outgrown() is None
    assert outgrowing.look() == 1
    notice = outgrowing.standing()
    assert notice.strangers == pytest.approx(strangers)
    assert f"show {strangers:,.1f} strangers; the desk can look at 10" in outgrowing.words(notice)
    wider = services.propose(actor=CHIEF, name="desk_strangers", value=500, reason="Six more")
    services.approve(actor=DIRECTOR, setting_id=wider.id)
    assert outgrowing.look() == 0
    assert stands() == []


def test_how_often_a_search_shows_a_stranger_follows_the_size_of_the_gallery(shipped_serves):
    """B-07: FPIR(N, T) is about 1 - (1 - FMR)^N; nothing is said beyond the pairs of the test."""
    gallery(3)
    assert calibration.measured_strangers(0.36, 1_000) is None
    made = content()
    tail = Tail.from_json(made["tail"])
    services.file_calibration(actor=OPERATOR, content=made)
    small, large = (calibration.measured_strangers(0.31, n) for n in (1_000, 10_000))
    rate = tail.fmr(0.31)
    assert small.fpir == pytest.approx(1 - (1 - rate) ** 1_000)
    assert large.fpir == pytest.approx(1 - (1 - rate) ** 10_000)
    assert large.strangers == pytest.approx(10 * small.strangers)
    assert (large.name, large.pairs) == ("Press 2026", tail.pairs)
    printed = report._strangers(Search(threshold=0.31, enrolled=10_000, photos=1))
    assert printed.startswith(f"{100 * large.fpir:.1f} % (interval not measured), where nothing is")
    assert "among 10,000 faces: from 418,155 pairs of strangers in test Press 2026" in printed
    assert report._strangers(Search(threshold=0.40, enrolled=10_000)) == "not tested here"
    # Of 418,155 pairs fewer than ten lie over .40, and this tail was not tested.
    assert tail.fmr(0.40) * tail.pairs < 10
    assert calibration.measured_strangers(0.40, 1_000) is None
    assert calibration.measured_strangers(0.31, 1_000, photos=2) is None
    assert calibration.measured_strangers(None, 1_000) is None


def test_what_is_missed_and_how_often_strangers_show_comes_with_date_and_interval():
    """B-07: FNIR(N, T) and FPIR(N, T) in the audit report; an interval of the threshold it was
    measured at and of no other."""
    gallery(3)
    made = content()
    rate = Tail.from_json(made["tail"]).fmr(0.31)
    made |= {"stranger_rate": {"threshold": 0.31, "low": rate / 2, "high": rate * 2}}
    services.file_calibration(actor=OPERATOR, content=made)
    test = calibration.measured_strangers(0.31, 10_000)
    low, high = test.interval
    assert low < test.fpir < high
    assert low == pytest.approx(1 - (1 - rate / 2) ** 10_000)
    printed = report._strangers(Search(threshold=0.31, enrolled=10_000, photos=1))
    assert f"(95 % interval: {100 * low:.1f} to {100 * high:.1f} %)" in printed
    assert f"test Press 2026 of {made['made_on']}" in printed
    misses = calibration.measured_misses(0.31)
    printed = report._missed(misses)
    assert f"(95 % interval: {100 * misses.low:.1f} to {100 * misses.high:.1f} %)" in printed
    assert f"of {made['made_on']}, {misses.people} people" in printed
    assert calibration.measured_strangers(0.32, 10_000).interval is None


def test_a_calibration_without_a_tail_is_measured_by_faces_alone():
    old = content()
    del old["format"], old["tail"]
    services.file_calibration(actor=OPERATOR, content=old)
    gallery(2_001)
    assert calibration.strangers_per_search(2_001) is None
    assert outgrowing.look() == 1
    assert "strangers" not in outgrowing.words(outgrowing.standing())


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
    measured = waiting["measured"]
    assert measured["tail"] == "not tested"
    assert (measured["review"], measured["people_with_pairs"]) == (0.31, 500)
    assert measured["odds"] == ["one_photo"]
    words = StringIO()
    call_command("policy", "list", stdout=words)
    assert "tail of strangers not tested; odds: one_photo" in words.getvalue()
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
