from dsr_portal.core.registries import purgers
from dsr_portal.disclosure.services import release_holds, shred_package

purgers.register("disclosure.holds", release_holds)
purgers.register("disclosure.package", shred_package)
