from dsr_portal.core.inventory import F, declare_model

declare_model("core.DemoClock", {"id": F.ID, "offset_seconds": F.CONFIG})
