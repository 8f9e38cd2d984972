"""Whose screen a picture was on, and when: drawn into each picture the desk shows (law X-09).

Drawn when served, from what the vault holds: what is stored, compared, disclosed or handed to an
authority never carries it.
"""

from django.utils.timezone import localtime

from dsr_portal.core import clock
from dsr_portal.vault.pictures import written_on


def words(staff_no: str) -> str:
    return f"{staff_no} {localtime(clock.now()):%d.%m.%y %H:%M}"


def marked(data: bytes, staff_no: str) -> bytes:
    return written_on(data, words(staff_no))
