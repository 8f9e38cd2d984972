"""Which settings people may change while the portal runs, their limits and starting values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.errors import BadInput, NotFound

CALIBRATION = "calibration"
"""A set of thresholds and odds measured on known people (R22). Its value is one object, filed by an
operator's command and never typed in."""

CALIBRATED = {"review_threshold": "review", "strong_threshold": "strong"}
"""Settings that a calibration brings a value for, and that value's name in it."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One setting: what it is, its value before anybody changed it, and its limits."""

    name: str
    label: Any
    start: Callable[[], float | int]
    lowest: float
    highest: float
    whole: bool = False
    dpia: bool = False
    """A model, threshold, retention, identity or recipient setting: DPO advice first (R34)."""
    why: Any = ""
    """Why it starts with this value; printed where the term is shown (law L-23)."""

    def clean(self, value: Any) -> float | int:
        """The value in its own type, or `BadInput` naming the limits."""
        try:
            number = int(str(value)) if self.whole else float(str(value))
        except ValueError:
            number = float("nan")
        if not self.lowest <= number <= self.highest:
            raise BadInput(
                "setting_out_of_range",
                _("%(label)s must be a number from %(lowest)s to %(highest)s.")
                % {"label": self.label, "lowest": self.lowest, "highest": self.highest},
            )
        return number


@dataclass(frozen=True, slots=True)
class Family:
    """Settings alike, one for each thing another app knows by id: the terms of its sources.

    `one` gives the definition of a name, None where there is no such thing; `names` are those
    that people can choose from.
    """

    one: Callable[[str], Definition | None]
    names: Callable[[], Iterable[str]]


FAMILIES: dict[str, Family] = {}
"""By the prefix of their names; the app that knows the things puts its family here."""


def definition(name: str) -> Definition:
    """The setting of this name, by itself or of a family; `NotFound` where there is none."""
    found = DEFINITIONS.get(name)
    for prefix, family in FAMILIES.items():
        if found is None and name.startswith(prefix):
            found = family.one(name)
    if found is None:
        raise NotFound("no_setting", _("There is no such setting."))
    return found


def all_names() -> list[str]:
    """Every setting people may change: those of all installations, then the families'."""
    return [*DEFINITIONS, *(name for family in FAMILIES.values() for name in family.names())]


def needs_advice(name: str) -> bool:
    """Whether the data protection officer is heard before a change of this setting (R34)."""
    return name == CALIBRATION or definition(name).dpia


LEVEL_OF_RIGHT = "level_right_"
LEVEL_OF_WAY = "level_way_"
_TOP_LEVEL = 2
_RIGHTS = {
    "access": (_("Identity level that access asks"), 2, 2),
    "erasure": (_("Identity level that erasure asks"), 2, 2),
    "rectification": (_("Identity level that rectification asks"), 2, 2),
    "restriction": (_("Identity level that restriction asks"), 1, 1),
    "objection": (_("Identity level that an objection asks"), 1, 1),
    "portability": (_("Identity level that portability asks"), 1, 1),
}
"""Words, what it starts with, the floor of rule R2: disclosure, a confirmed erasure and "nothing
found" ask L2; a face search and a lock never run on a mailbox alone (L1)."""
_WAYS = {
    "selfie": _("Identity level that a request with a photo asks at least"),
    "page": _("Identity level that a request with a page address asks at least"),
    "file": _("Identity level that a request with an exact file asks at least"),
    "account": _("Identity level that a request with an account name asks at least"),
    "other": _("Identity level that a request with something else asks at least"),
}
"""A way in may ask for more than the right does, never for less (R2)."""


def _levels() -> list[Definition]:
    """Identity policy: two persons, advice and the note to the DPIA change it (R34, law R-07)."""
    rights = [(f"{LEVEL_OF_RIGHT}{name}", *row) for name, row in _RIGHTS.items()]
    ways = [(f"{LEVEL_OF_WAY}{name}", label, 0, 0) for name, label in _WAYS.items()]
    return [
        Definition(
            name,
            label,
            partial(int, start),
            floor,
            _TOP_LEVEL,
            whole=True,
            dpia=True,
        )
        for name, label, start, floor in [*rights, *ways]
    ]


DEFINITIONS = {
    definition.name: definition
    for definition in (
        *_levels(),
        Definition(
            "review_threshold",
            _("The lowest score an officer sees"),
            lambda: settings.DSR_REVIEW_THRESHOLD,
            -1.0,
            1.0,
            dpia=True,
        ),
        Definition(
            "strong_threshold",
            _("The score from which a match is called strong"),
            lambda: settings.DSR_STRONG_THRESHOLD,
            -1.0,
            1.0,
            dpia=True,
        ),
        Definition(
            "recognition_model",
            _("The model that makes templates, by its number (manage.py reenrol)"),
            lambda: 1,
            1,
            999,
            whole=True,
            dpia=True,
        ),
        Definition(
            "desk_strangers",
            _("Strangers per search the desk can look at; more of them raise a warning"),
            lambda: 10,
            1,
            1000,
            whole=True,
        ),
        Definition(
            "cases_not_own",
            _("Cases not their own work a person may open on a day before supervisors are told"),
            lambda: 20,
            1,
            1000,
            whole=True,
        ),
        Definition(
            "release_hour",
            _("The hour at which answers leave"),
            lambda: settings.DSR_RELEASE_HOUR,
            0,
            23,
            whole=True,
        ),
        Definition(
            "hold_minutes",
            _("Minutes between a confirmed erasure and its start"),
            lambda: settings.DSR_HOLD_MINUTES,
            0,
            7 * 24 * 60,
            whole=True,
        ),
        Definition(
            "link_days",
            _("Days for which an answer's link opens"),
            lambda: settings.DSR_LINK_DAYS,
            1,
            60,
            whole=True,
        ),
        Definition(
            "face_block_days",
            _("Days for which a face block stands that a person asked for"),
            lambda: 730,
            30,
            1825,
            whole=True,
            dpia=True,
        ),
        Definition(
            "package_days",
            _("Days for which the sealed answer package is kept"),
            lambda: settings.DSR_PACKAGE_DAYS,
            1,
            90,
            whole=True,
            dpia=True,
        ),
        Definition(
            "child_keep_days",
            _("Days after which a child's answered request is closed, and again destroyed"),
            lambda: 14,
            14,
            30,
            whole=True,
            dpia=True,
        ),
        Definition(
            "backup_days",
            _("Days for which a backup is kept"),
            lambda: settings.DSR_BACKUP_DAYS,
            1,
            365,
            whole=True,
            dpia=True,
        ),
        Definition(
            "order_years",
            _("Years for which an order and its evidence are kept after it is over"),
            lambda: 3,
            1,
            6,
            whole=True,
            dpia=True,
            why=_(
                "No law fixes a term. Three years is the usual limitation of claims (DE, AT); "
                "in other states it is up to six."
            ),
        ),
        Definition(
            "breach_years",
            _("Years for which a breach stays in words in the register after it is closed"),
            lambda: 3,
            1,
            6,
            whole=True,
            dpia=True,
            why=_(
                "Art. 33(5) asks that the authority can check it and fixes no term. Three years is "
                "the usual limitation of claims (DE, AT); in other states it is up to six."
            ),
        ),
        Definition(
            "trail_years",
            _("Years for which the trail's details of a request are kept after it is closed"),
            lambda: 3,
            1,
            6,
            whole=True,
            dpia=True,
            why=_(
                "No law fixes a term. Three years is the usual limitation of claims (AT; DE to the "
                "end of the year); in other states it is up to six."
            ),
        ),
        Definition(
            "rules_years",
            _("Years for which the trail keeps details about settings, staff, keys and orders"),
            lambda: 3,
            1,
            6,
            whole=True,
            dpia=True,
            why=_(
                "They show by which rules requests were answered, and are kept as long as any "
                "request of that time. No law fixes a term; three years is the usual limitation "
                "of claims."
            ),
        ),
        Definition(
            "access_years",
            _("Years for which the trail keeps details about sign-ins"),
            lambda: 1,
            1,
            3,
            whole=True,
            dpia=True,
            why=_(
                "They serve to find misuse that is noticed late, and show when people of staff "
                "work: no longer than that needs."
            ),
        ),
    )
}
