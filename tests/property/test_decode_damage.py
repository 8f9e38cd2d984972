"""Damaged pictures are decoded or refused with a code; no other error leaves the decoder (R28)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pillow_heif import register_heif_opener

from biometrics import decode
from tests.support import bad_input

register_heif_opener()

WHOLE = {
    name: bad_input.ACCEPTED[name]()
    for name in (
        "jpeg",
        "turned 6",
        "cmyk jpeg",
        "cmyk jpeg with an odd profile",
        "jpeg with an odd profile",
        "camera jpeg with two pictures",
        "polyglot jpeg",
        "png",
        "palette png",
        "16 bit png",
        "16 bit colour png",
        "animated png",
        "grey and alpha png",
        "palette png with a transparent colour",
        "png and zip",
        "webp",
        "animated webp",
        "heic",
        "avif",
        "animated avif",
        "gif",
        "animated gif",
        "gif and java archive",
    )  # fmt: skip
}
CODES = {
    "empty", "too_many_bytes", "too_many_pixels", "not_a_picture", "format_not_allowed",
    "truncated",
}  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_damage_is_decoded_or_refused(name, changes, keep):
    data = bytearray(WHOLE[name])
    for place, value in changes:
        # Squared, so that headers are hit more often than pixels.
        data[int(place**2 * len(data))] = value
    header, rgb = decode.answer(
        {"op": "decode", "max_side": 400}, bytes(data[: max(1, int(len(data) * (keep**0.3)))])
    )
    if header["ok"]:
        assert len(rgb) == 3 * header["width"] * header["height"]
        assert max(header["width"], header["height"]) <= 400
    else:
        assert header["code"] in CODES


@given(st.binary(max_size=300))
def test_bytes_that_are_no_picture_are_refused(data):
    header, rgb = decode.answer({"op": "decode"}, data)
    assert header["ok"] is False
    assert rgb == b""


@pytest.mark.parametrize(
    "name", ["jpeg", "cmyk jpeg", "png", "16 bit colour png", "webp", "avif", "gif"]
)
@given(share=st.floats(0.02, 0.98))
def test_no_picture_that_ends_early_is_accepted(name, share):
    """A missing part would be invented as grey; DeepFace's own loader accepts such files."""
    with pytest.raises(decode.Refused) as refused:
        decode.decode(WHOLE[name][: max(16, int(len(WHOLE[name]) * share))], max_side=400)
    assert refused.value.code == "truncated"
