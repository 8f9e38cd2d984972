from dsr_portal.core.inventory import F, declare_model, stays

declare_model(
    "core.DemoClock",
    {"id": F.ID, "offset_seconds": F.CONFIG},
    term=stays("configuration: one row, in the demo only"),
)
