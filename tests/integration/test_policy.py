"""Settings by two persons, with advice where a DPIA is concerned (R34, L-15, G-01, G-02)."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from dsr_portal.audit.models import Event
from dsr_portal.cases import levels
from dsr_portal.cases.models import RightCode, WayKind
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.policy import selectors, services
from dsr_portal.policy.catalogue import CALIBRATION, DEFINITIONS
from dsr_portal.policy.models import Setting, SettingState
from tests.support import cases as support
from tests.support.gallery import own_places

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


CHIEF = Actor("V-1", "supervisor", "staff")
DIRECTOR = Actor("C-1", "director", "staff")
OFFICER = Actor("S-1", "officer", "staff")
DPO = Actor("D-1", "dpo", "staff")


def proposed(name="link_days", value=10, **more):
    return services.propose(actor=CHIEF, name=name, value=value, reason="Fewer open links", **more)


def test_starts_with_the_installations_value(settings):
    settings.DSR_LINK_DAYS = 9
    assert (selectors.current("link_days"), selectors.version("link_days")) == (9, 0)


def test_old_value_serves_until_a_second_person_approves():
    old = selectors.current("link_days")
    change = proposed()
    assert selectors.current("link_days") == old
    with pytest.raises(NotAllowed, match="setting_two_persons"):
        services.approve(actor=CHIEF, setting_id=change.id)
    services.approve(actor=DIRECTOR, setting_id=change.id)
    assert (selectors.current("link_days"), selectors.version("link_days")) == (10, 1)
    with pytest.raises(Conflict, match="setting_settled"):
        services.approve(actor=DIRECTOR, setting_id=change.id)
    asked, put = Event.objects.filter(type__startswith="policy.").order_by("number")
    assert (asked.actor_id, asked.data["value"], asked.data["old"]) == ("V-1", 10, old)
    assert (put.actor_id, put.data["version"]) == ("C-1", 1)


def test_a_threshold_needs_note_and_advice_first():
    bare = proposed("review_threshold", 0.4)
    services.advise(actor=DPO, setting_id=bare.id, advice="Measure first.")
    with pytest.raises(Conflict, match="setting_needs_advice"):
        services.approve(actor=DIRECTOR, setting_id=bare.id)
    services.reject(actor=CHIEF, setting_id=bare.id)
    noted = proposed("review_threshold", 0.4, dpia_note="DPIA 4.2, version of March")
    with pytest.raises(Conflict, match="setting_needs_advice"):
        services.approve(actor=DIRECTOR, setting_id=noted.id)
    services.advise(actor=DPO, setting_id=noted.id, advice="Against it, for this reason.")
    services.approve(actor=DIRECTOR, setting_id=noted.id)
    assert selectors.current("review_threshold") == 0.4


def test_a_newer_version_replaces_the_one_in_force():
    for value in (10, 12):
        services.approve(actor=DIRECTOR, setting_id=proposed(value=value).id)
    states = dict(Setting.objects.values_list("version", "state"))
    assert states == {1: SettingState.REPLACED, 2: SettingState.SERVING}


def test_only_the_roles_that_may():
    """G-02: the DPO advises and approves nothing."""
    for nobody in (OFFICER, DPO, Actor.operator(), Actor.system("x")):
        with pytest.raises(NotAllowed, match="policy_role"):
            services.propose(actor=nobody, name="link_days", value=9, reason="x")
    change = proposed()
    for nobody in (OFFICER, DPO):
        with pytest.raises(NotAllowed, match="policy_role"):
            services.approve(actor=nobody, setting_id=change.id)
    with pytest.raises(NotAllowed, match="dpo_only"):
        services.advise(actor=DIRECTOR, setting_id=change.id, advice="Fine")


@pytest.mark.parametrize("value", [0, 61, "soon", "nan", None, "1e3", 2.5])
def test_values_outside_the_limits_are_refused(value):
    with pytest.raises(BadInput, match="setting_out_of_range"):
        proposed(value=value)


def test_a_change_needs_a_reason_and_a_setting():
    with pytest.raises(BadInput, match="setting_needs_reason"):
        services.propose(actor=CHIEF, name="link_days", value=9, reason=" ")
    with pytest.raises(NotFound):
        services.propose(actor=CHIEF, name="colour", value=9, reason="x")


def test_every_starting_value_lies_within_its_limits():
    for definition in DEFINITIONS.values():
        assert definition.clean(definition.start()) == definition.start()


def test_database_refuses_one_person_and_two_values_in_force():
    change = proposed()
    for wrong in (
        {"state": "serving", "approved_by": "V-1"},
        {"state": "serving", "approved_by": None},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Setting.objects.filter(id=change.id).update(**wrong)
    services.approve(actor=DIRECTOR, setting_id=change.id)
    second = proposed(value=11)
    with pytest.raises(IntegrityError), transaction.atomic():
        Setting.objects.filter(id=second.id).update(state="serving", approved_by="C-1")


def test_a_search_shows_which_versions_it_ran_under(monkeypatch):
    """R34, L-15: a case goes on showing what served then, also after people changed it."""
    real = clock.now()

    def at(hours):
        monkeypatch.setattr(clock, "now", lambda: real + timedelta(hours=hours))

    def approved(value):
        row = proposed("review_threshold", value, dpia_note="DPIA 4.2")
        services.advise(actor=DPO, setting_id=row.id, advice="Agreed.")
        services.approve(actor=DIRECTOR, setting_id=row.id)

    assert selectors.served_by("review_threshold", real) == ("review_threshold", 0)
    at(1)
    approved(0.41)
    at(3)
    waiting = proposed("review_threshold", 0.5, dpia_note="DPIA 4.3")
    at(4)
    assert selectors.served_by("review_threshold", clock.now()) == ("review_threshold", 1)
    services.advise(actor=DPO, setting_id=waiting.id, advice="Agreed.")
    services.approve(actor=DIRECTOR, setting_id=waiting.id)
    before, after = real + timedelta(hours=2), real + timedelta(hours=5)
    assert selectors.served_by("review_threshold", before) == ("review_threshold", 1)
    assert selectors.served_by("review_threshold", after) == ("review_threshold", 2)
    assert dict(selectors.used_in_search(before)) == {
        "The lowest score an officer sees": "version 1",
        "The score from which a match is called strong": "version 0",
        "The model that makes templates, by its number (manage.py reenrol)": "version 0",
    }
    rests = Setting.objects.create(
        name=CALIBRATION,
        version=1,
        value={},
        state=SettingState.SERVING,
        reason="measured",
        proposed_by="V-1",
        proposed_at=after,
        approved_by="C-1",
        approved_at=after + timedelta(hours=1),
    )
    assert (
        dict(selectors.used_in_search(rests.approved_at))["The lowest score an officer sees"]
        == "calibration 1"
    )


# -- identity levels (law R-07) -------------------------------------------------------------------

LEVELS = {name: one for name, one in DEFINITIONS.items() if name.startswith("level_")}


def put_in_force(name, value):
    change = proposed(name, value, dpia_note="DPIA 5.1")
    services.advise(actor=DPO, setting_id=change.id, advice="Fits the risk.")
    services.approve(actor=DIRECTOR, setting_id=change.id)


def test_each_right_and_each_way_in_has_its_level():
    names = {f"level_right_{one}" for one in RightCode} | {f"level_way_{one}" for one in WayKind}
    assert set(LEVELS) == names
    assert all(one.dpia and one.whole for one in LEVELS.values())


def test_a_level_is_raised_by_two_persons_with_advice_and_open_cases_stay():
    """R34, R-07: the check fits the risk, by policy; R2: it is fixed when the request arrives."""
    before = support.opened(["restriction"])
    bare = proposed("level_right_restriction", 2)
    with pytest.raises(Conflict, match="setting_needs_advice"):
        services.approve(actor=DIRECTOR, setting_id=bare.id)
    assert support.opened(["restriction"]).required_level == 1
    services.reject(actor=CHIEF, setting_id=bare.id)
    put_in_force("level_right_restriction", 2)
    assert support.opened(["restriction"]).required_level == 2
    before.refresh_from_db()
    assert before.required_level == 1
    assert support.opened(["objection"]).required_level == 1
    put_in_force("level_way_selfie", 2)
    assert support.opened(["objection"]).required_level == 2
    assert levels.required_level(rights=["objection"], ways=["page"], channel="web") == 1


@pytest.mark.parametrize(
    ("name", "below"), [(name, one.lowest - 1) for name, one in LEVELS.items()]
)
def test_a_floor_of_the_rules_is_never_undercut(name, below):
    """R2: what discloses, erases or says "nothing found" asks L2; nothing runs on a mailbox."""
    floors = {"access": 2, "erasure": 2, "rectification": 2}
    kind, what = name.removeprefix("level_").split("_")
    assert LEVELS[name].lowest == (floors.get(what, 1) if kind == "right" else 0)
    with pytest.raises(BadInput, match="setting_out_of_range"):
        proposed(name, int(LEVELS[name].lowest) - 1)
    assert levels.required_level(rights=[], ways=[], channel="web") == 1


def test_the_page_about_levels_has_the_values_in_force_at_the_start():
    page = (Path(__file__).parents[2] / "docs" / "matching.md").read_text("utf-8")
    rows = [
        f"| `{name}` | {one.start()} | {one.lowest} | {one.highest} |"
        for name, one in LEVELS.items()
    ]
    assert "\n".join(rows) in page
