"""Kills the worker (kill -9) at the end of making a letter to a recipient and of calling one.

Named in `running_worker(imports=...)`; the points are those of `kill_at_commit` no longer.
"""

from tests.support import kill_at_commit

POINTS = ("gallery.notice_letter.complete", "outbox.deliver.complete")

# Only in the worker that imports this: its own points.
kill_at_commit.POINTS = POINTS
