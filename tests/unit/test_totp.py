"""Codes of an authenticator app against the vectors of RFC 6238, appendix B (SHA-1)."""

import pytest

from dsr_portal.core import totp

SECRET = b"12345678901234567890"
VECTORS = ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"))


@pytest.mark.parametrize(("moment", "code"), VECTORS)
def test_codes_are_those_of_the_standard(moment: int, code: str) -> None:
    step = totp.step_of(moment)
    assert totp.code_at(SECRET, step) == code
    assert totp.matching_step(SECRET, f"{code[:3]} {code[3:]}", now=moment, after=0) == step


def test_a_code_counts_one_step_around_and_once() -> None:
    step = totp.step_of(1234567890)
    code = totp.code_at(SECRET, step)
    for off, found in ((-60, None), (-30, step), (0, step), (30, step), (60, None)):
        assert totp.matching_step(SECRET, code, now=1234567890 + off, after=0) == found
    assert totp.matching_step(SECRET, code, now=1234567890, after=step) is None
    assert totp.matching_step(SECRET, "", now=1234567890, after=0) is None


def test_the_key_is_what_an_app_takes() -> None:
    assert totp.key_words(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    address = totp.app_address(SECRET, issuer="Halden & Co", label="a@b.example")
    assert address.startswith("otpauth://totp/Halden%20%26%20Co%3Aa%40b.example?secret=GEZDG")
