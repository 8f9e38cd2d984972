from datetime import timedelta

from dsr_portal.compliance import (
    board,
    director,
    order_alarms,
    orders,
    retention,
    services,
    trail_end,
    trail_rules,
)
from dsr_portal.core.registries import Beat, schedule

schedule.register("compliance.failed", Beat(run=services.close_failed, every=timedelta(seconds=10)))
schedule.register("compliance.orders", Beat(run=orders.check_due, every=timedelta(hours=1)))
schedule.register(
    "compliance.order_alarms", Beat(run=order_alarms.raise_due, every=timedelta(minutes=15))
)
schedule.register("compliance.director", Beat(run=director.serve_due, every=timedelta(minutes=15)))
schedule.register("compliance.retention", Beat(run=retention.sweep, every=timedelta(hours=6)))
schedule.register("compliance.board", Beat(run=board.make_due, every=timedelta(hours=1)))
schedule.register("compliance.trail", Beat(run=trail_end.sweep, every=timedelta(hours=6)))
schedule.register("compliance.trail_rules", Beat(run=trail_rules.sweep, every=timedelta(hours=6)))
