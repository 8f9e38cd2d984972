"""The erasure ledger's first form (R31): a chain of entries in two places, gaps named."""

import json

import pytest

from dsr_portal.vault.errors import DestroyPending, LedgerBroken
from dsr_portal.vault.ledger import Entry, Ledger
from dsr_portal.vault.ring import NO_HASH, LedgerHead

NOTHING = LedgerHead(0, NO_HASH)


@pytest.fixture
def book(tmp_path):
    book = Ledger([tmp_path / "a", tmp_path / "b"])
    book.init()
    return book


def fill(book, count):
    head = NOTHING
    for number in range(count):
        head = book.append({"run": str(number), "shredded": []}, known=head).head
    return head


def test_entries_chain_and_lie_in_both_places(book):
    head = fill(book, 3)
    assert book.verify(head) == 3
    assert [entry.number for entry in book.entries(after=1)] == [2, 3]
    for place in book.places:
        assert [path.name for path in sorted(place.glob("*.json"))] == [
            f"{number:012d}.json" for number in (1, 2, 3)
        ]
    assert Entry.from_bytes(book.read(2).to_bytes()) == book.read(2)


def test_a_damaged_or_missing_copy_is_read_from_the_other_place_and_mended(book):
    head = fill(book, 2)
    (book.places[0] / "000000000001.json").write_text("{}")
    (book.places[1] / "000000000002.json").unlink()
    assert book.verify(head) == 2
    book.write(book.read(2))
    assert (book.places[1] / "000000000002.json").exists()


def test_a_changed_entry_a_gap_and_an_early_end_are_refused_by_name(book):
    head = fill(book, 3)
    name = "000000000002.json"
    kept = book.read(2).to_bytes()
    body = json.loads(kept)
    body["run"] = "changed"
    for place in book.places:
        (place / name).write_text(json.dumps(body, sort_keys=True, separators=(",", ":")))
    with pytest.raises(LedgerBroken, match="entry 3 does not follow"):
        book.verify(head)
    for place in book.places:
        (place / name).unlink()
    with pytest.raises(LedgerBroken, match="entry 2 is missing"):
        book.verify(head)
    for place in book.places:
        (place / name).write_bytes(kept)
        (place / "000000000003.json").unlink()
    with pytest.raises(LedgerBroken, match="ends at entry 2, the ring knows entry 3"):
        book.verify(head)
    with pytest.raises(LedgerBroken, match="entry 2 is not the one"):
        book.check_reaches(LedgerHead(2, bytes(32)))


def test_nothing_is_written_with_a_place_missing(book, tmp_path):
    head = fill(book, 1)
    book.places[1].rename(tmp_path / "unmounted")
    with pytest.raises(DestroyPending):
        book.append({"run": "2"}, known=head)
    assert book.newest().number == 1
    with pytest.raises(LedgerBroken):
        Ledger([tmp_path / "a", tmp_path / "a"])
