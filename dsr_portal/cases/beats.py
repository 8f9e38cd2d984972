from datetime import timedelta

from dsr_portal.cases import (
    acting,
    address_changes,
    alarms,
    clocks,
    corrections,
    evidence_locks,
    lateness,
    letters,
    objections,
    proofs,
    services,
    unnamed_corrections,
    updates,
    wish_clocks,
    wish_pauses,
)
from dsr_portal.core.registries import Beat, schedule

schedule.register("cases.release", Beat(run=services.release_due, every=timedelta(minutes=5)))
schedule.register(
    "cases.addresses", Beat(run=address_changes.settle_due, every=timedelta(minutes=5))
)
schedule.register("cases.drafts", Beat(run=services.sweep_drafts, every=timedelta(minutes=30)))
schedule.register("cases.close", Beat(run=services.close_due, every=timedelta(hours=6)))
schedule.register("cases.clock", Beat(run=clocks.refresh_due, every=timedelta(minutes=15)))
schedule.register("cases.remind", Beat(run=services.remind_due, every=timedelta(hours=1)))
schedule.register(
    "cases.wish_clocks", Beat(run=wish_clocks.refresh_due, every=timedelta(minutes=15))
)
schedule.register("cases.wish_remind", Beat(run=wish_pauses.remind_due, every=timedelta(hours=1)))
schedule.register("cases.late", Beat(run=lateness.notice_late, every=timedelta(hours=1)))
schedule.register("cases.alarms", Beat(run=alarms.raise_due, every=timedelta(minutes=15)))
schedule.register("cases.settled", Beat(run=alarms.end_settled, every=timedelta(days=1)))
schedule.register("cases.updates", Beat(run=updates.weekly, every=timedelta(hours=1)))
schedule.register("cases.objections", Beat(run=objections.tell_due, every=timedelta(hours=1)))
schedule.register("cases.proofs", Beat(run=proofs.end_due, every=timedelta(hours=1)))
schedule.register("cases.locks", Beat(run=evidence_locks.announce_due, every=timedelta(hours=1)))
schedule.register("cases.corrections", Beat(run=corrections.settle_gone, every=timedelta(hours=1)))
schedule.register("cases.unnamed", Beat(run=unnamed_corrections.tell_due, every=timedelta(hours=1)))
schedule.register("cases.letters", Beat(run=letters.close_failed, every=timedelta(minutes=1)))
schedule.register("cases.accounts", Beat(run=acting.close_idle, every=timedelta(hours=6)))
schedule.register("cases.asked_links", Beat(run=acting.sweep_asked, every=timedelta(hours=6)))
