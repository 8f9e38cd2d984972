"""Pages of the desk with pictures that were found: locks, copies, erasures, a comparison.

The second half of test_desk_table.py: a file is dealt to one process, and together they are the
longest of the browser's tests. What each page is asked stands there.
"""

import pytest

from tests.e2e.test_desk_table import FOUND, comparing, erasing, in_fours, prepared, wrong_on

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def pages(django_db_setup, django_db_blocker, tmp_path_factory):
    """These pages as a signed-in person gets them, by name, and their pictures by address."""
    with prepared(django_db_blocker, tmp_path_factory) as at:
        return at.made(
            FOUND,
            lambda: erasing(at.desk, at.settings),
            lambda: comparing(at.desk, at.patch),
        )


@pytest.mark.parametrize("names", in_fours(FOUND), ids="-".join)
def test_axe_finds_nothing_and_pages_fit_a_phone(open_page, names):
    assert wrong_on(open_page, names) == {}
