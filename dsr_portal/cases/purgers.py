from dsr_portal.cases import services
from dsr_portal.core.registries import purgers

purgers.register("cases", services.purge_own)
