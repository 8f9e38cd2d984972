"""Blob format v1 (R27): what was sealed opens; anything else is refused, chunk by chunk."""

import os
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsr_portal.vault import crypto
from dsr_portal.vault.crypto import CHUNK, HEADER, TAG, BadBlob, BlobName

KEY = bytes(range(32))
NAME = BlobName(UUID(int=1), UUID(int=2), "probe", UUID(int=3), "picture")
LONG = os.urandom(2 * CHUNK + 1000)
SEALED_LONG = crypto.seal(KEY, NAME, LONG)
SEALED = crypto.seal(KEY, NAME, b"a small value")


def pieces(sealed):
    """Header and sealed chunks."""
    body = sealed[HEADER:]
    return sealed[:HEADER], [body[at : at + CHUNK + TAG] for at in range(0, len(body), CHUNK + TAG)]


def opened_before_refusal(sealed):
    """How much plain text comes out before the blob is refused; None when it is accepted."""
    out = b""
    at = 0

    def read(count):
        nonlocal at
        part = sealed[at : at + count]
        at += len(part)
        return part

    try:
        for part in crypto.open_stream(KEY, NAME, read):
            out += part
    except BadBlob:
        return out
    return None


@given(st.binary(max_size=3000))
def test_what_was_sealed_opens(data):
    assert crypto.open_blob(KEY, NAME, crypto.seal(KEY, NAME, data)) == data


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5])
def test_sizes_around_the_chunk_open_and_cost_what_the_format_says(size):
    data = os.urandom(size)
    sealed = crypto.seal(KEY, NAME, data)
    chunks = max(1, -(-size // CHUNK))
    assert len(sealed) == HEADER + size + chunks * TAG
    assert crypto.open_blob(KEY, NAME, sealed) == data


@given(st.lists(st.binary(max_size=900), max_size=30))
def test_the_size_of_the_parts_does_not_matter(parts):
    sealed = b"".join(crypto.seal_stream(KEY, NAME, parts))
    assert crypto.open_blob(KEY, NAME, sealed) == b"".join(parts)


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place, change):
    changed = bytearray(SEALED)
    changed[place] ^= change
    with pytest.raises(BadBlob):
        crypto.open_blob(KEY, NAME, bytes(changed))


@given(st.integers(0, len(SEALED) - 1))
def test_any_end_cut_off_is_refused(length):
    with pytest.raises(BadBlob):
        crypto.open_blob(KEY, NAME, SEALED[:length])


@given(st.binary(min_size=1, max_size=CHUNK // 1000))
def test_anything_added_is_refused(tail):
    with pytest.raises(BadBlob):
        crypto.open_blob(KEY, NAME, SEALED + tail)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data):
    with pytest.raises(BadBlob):
        crypto.open_blob(KEY, NAME, data)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, len(SEALED_LONG) - 1), st.integers(1, 255))
def test_of_a_long_blob_only_whole_chunks_before_the_change_come_out(place, change):
    changed = bytearray(SEALED_LONG)
    changed[place] ^= change
    out = opened_before_refusal(bytes(changed))
    assert out is not None
    untouched = max(0, place - HEADER) // (CHUNK + TAG)
    assert len(out) == untouched * CHUNK
    assert LONG.startswith(out)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 2), max_size=5).filter(lambda order: order != [0, 1, 2]))
def test_chunks_moved_dropped_repeated_or_cut_off_are_refused(order):
    header, chunks = pieces(SEALED_LONG)
    out = opened_before_refusal(header + b"".join(chunks[number] for number in order))
    assert out is not None
    assert LONG.startswith(out)


@pytest.mark.parametrize(
    "other",
    [
        BlobName(UUID(int=9), NAME.unit, NAME.kind, NAME.owner, NAME.field),
        BlobName(NAME.blob, UUID(int=9), NAME.kind, NAME.owner, NAME.field),
        BlobName(NAME.blob, NAME.unit, "draft", NAME.owner, NAME.field),
        BlobName(NAME.blob, NAME.unit, NAME.kind, UUID(int=9), NAME.field),
        BlobName(NAME.blob, NAME.unit, NAME.kind, NAME.owner, "crop"),
    ],
)
def test_a_blob_opens_under_its_own_name_only(other):
    with pytest.raises(BadBlob):
        crypto.open_blob(KEY, other, SEALED)
    with pytest.raises(BadBlob):
        crypto.open_blob(bytes(32), NAME, SEALED)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_two_names_are_bound_to_two_byte_strings(kind, field, other_kind, other_field):
    one = BlobName(NAME.blob, NAME.unit, kind, NAME.owner, field)
    two = BlobName(NAME.blob, NAME.unit, other_kind, NAME.owner, other_field)
    assert (one.bound() == two.bound()) == (one == two)


@given(st.integers(0, 59), st.integers(1, 255))
def test_a_changed_wrapped_key_is_refused(place, change):
    wrapped = crypto.wrap(KEY, b"u" * 32, b"row")
    assert crypto.unwrap(KEY, wrapped, b"row") == b"u" * 32
    changed = bytearray(wrapped)
    changed[place] ^= change
    with pytest.raises(BadBlob):
        crypto.unwrap(KEY, bytes(changed), b"row")
    with pytest.raises(BadBlob):
        crypto.unwrap(KEY, wrapped, b"other row")


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_derived_bytes_differ_by_what_they_are_for(one, two):
    same = crypto.derive(KEY, one, 16) == crypto.derive(KEY, two, 16)
    assert same == (one == two)
