"""An event that says "restored" and tells nothing usable is a broken event, not an error (R29)."""

from typing import Any

import pytest

from dsr_portal.audit import links
from dsr_portal.audit.export import full_event, verify_export
from dsr_portal.audit.links import Header

GOOD = (
    '{"backup_number":1,"backup_hash":"a","known_number":3,"known_hash":"b",'
    '"ledger_from":0,"ledger_to":0}'
)


def export_of(body: str) -> dict[str, Any]:
    """A document of one event, hashed as the portal does, so that only its payload can be wrong."""
    salt, start = links.new_salt(), links.genesis()
    header = Header(
        chain=links.MAIN,
        number=1,
        id="00000000-0000-7000-8000-000000000001",
        type=links.RESTORED,
        at="2026-09-01T10:00:00.000000Z",
        clock="system",
        actor_id="operator",
        actor_role="operator",
        actor_kind="operator",
        case_id=None,
        subject_id=None,
        commitment=links.commit(salt, body),
    )
    return {
        "format": "dsr-portal audit export 1",
        "chain": links.MAIN,
        "case_id": None,
        "start": {"number": start.number, "hash": start.hash},
        "head": {"number": 1, "hash": links.link(start.hash, header.hash())},
        "header_hashes": header.hash(),
        "events": [full_event(header, salt, body)],
    }


def test_a_restore_that_is_told_rightly_is_reported() -> None:
    """The canary: the document itself is sound."""
    verdict = verify_export(export_of(GOOD))
    assert (verdict.ok, verdict.whole, verdict.restores[0].lost) == (True, False, 2)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '"text"',
        "not json",
        "{}",
        GOOD.replace("1", "null", 1),
        GOOD.replace("1", "Infinity", 1),
        GOOD.replace("1", "NaN", 1),
        GOOD.replace("1", "[1]", 1),
        GOOD.replace("1", "9" * 5000, 1),
        "[" * 100_000,
    ],
    ids=lambda body: body[:12],
)
def test_a_restore_that_tells_nothing_usable_is_named_as_the_broken_event(body: str) -> None:
    verdict = verify_export(export_of(body))
    assert (verdict.ok, verdict.first_broken, verdict.reason) == (False, 1, "changed_payload")


@pytest.mark.parametrize("number", [float("inf"), "x", None, {}])
def test_a_document_whose_numbers_are_none_is_no_export(number: Any) -> None:
    document = export_of(GOOD)
    document["head"]["number"] = number
    assert verify_export(document).reason == "not_an_export"
