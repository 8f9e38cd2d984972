"""Named in a worker's imports: its group holds its first answer."""

from tests.support.stuck_group import install

install()
