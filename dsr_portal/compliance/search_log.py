"""One row for each search of a case, as an authority asks for it (AI Act Art. 12(3); law AI-04).

Made of the trail alone: the period of use, the reference database, what went in (by reference,
never the picture), what came out, and who verified it. A part that an event does not have is
named, never filled in: events of an older version have fewer.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dsr_portal.compliance.evidence import Told

COMPARED, LOOKED_UP, WIDENED = "search.performed", "search.looked_up", "search.widened"
DECIDED = "decision.made"
KINDS = {COMPARED: "comparison", LOOKED_UP: "look_up"}

_DATABASE = ("systems", "not_searched", "unsearchable", "change")
_FACES = ("enrolled", "compared", "found_by_graph", "added_by_sweep", "swept_only")
_MODEL = (
    "model", "weights", "alignment", "detector", "metric", "threshold", "strong_threshold", "top_k",
)  # fmt: skip
PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    COMPARED: {
        "period": ("began_at", "milliseconds"),
        "reference_database": (*_DATABASE, *_FACES),
        "input": ("inputs", "photos", "findings"),
        "method": _MODEL,
        "result": ("candidates", "strong"),
        "errors": ("attempts", "errors"),
    },
    LOOKED_UP: {
        "period": ("began_at", "milliseconds"),
        "reference_database": (*_DATABASE, "pictures"),
        "input": ("kinds", "named"),
        "result": ("found", "records"),
        "errors": ("attempts", "errors"),
    },
}
"""Which fields of an event are which part of the row; all of them have to be there."""


def rows(events: Sequence[Told]) -> list[dict[str, Any]]:
    """Each search in its order, with what was decided between its end and the next search."""
    searches: dict[str, list[Told]] = {}
    for event in events:
        if event.type in PARTS:
            searches.setdefault(event.subject_id, []).append(event)
    if not searches:
        return []
    begins = [group[0].number for group in searches.values()]
    ends = [*begins[1:], events[-1].number + 1]
    return [
        _row(search, group, [one for one in events if group[-1].number < one.number < end])
        for (search, group), end in zip(searches.items(), ends, strict=True)
    ]


def _row(search: str, group: Sequence[Told], later: Sequence[Told]) -> dict[str, Any]:
    row: dict[str, Any] = {"search": search, "ended_at": group[-1].at_text}
    missing = [] if search else ["search"]
    for event in group:
        data = event.data or {}
        row[KINDS[event.type]] = {
            "event": event.number,
            **{
                part: {name: data.get(name) for name in names}
                for part, names in PARTS[event.type].items()
            },
        }
        missing += [
            f"{KINDS[event.type]}.{part}.{name}"
            for part, names in PARTS[event.type].items()
            for name in names
            if data.get(name) is None
        ]
    row["widened"] = [
        {"event": one.number, **(one.data or {})} for one in later if one.type == WIDENED
    ]
    row["verified_by"] = _verified(later)
    row["missing"] = missing
    return row


def _verified(later: Sequence[Told]) -> list[dict[str, Any]]:
    """Who decided in which place, how often and what: staff by number (Art. 12(3)(d))."""
    people: dict[tuple[str, str], list[Told]] = {}
    for event in later:
        if event.type == DECIDED and event.data is not None:
            people.setdefault((str(event.data.get("position")), event.actor_id), []).append(event)
    return [
        {
            "position": position,
            "staff": number,
            "first_at": made[0].at_text,
            "last_at": made[-1].at_text,
            "verdicts": dict(Counter(str((one.data or {}).get("verdict")) for one in made)),
        }
        for (position, number), made in people.items()
    ]
