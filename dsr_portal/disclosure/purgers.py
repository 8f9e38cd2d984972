from dsr_portal.core.registries import purgers, unit_purgers
from dsr_portal.disclosure.services import packages_gone, release_holds, shred_package
from dsr_portal.vault.kinds import UnitKind

purgers.register("disclosure.holds", release_holds)
purgers.register("disclosure.package", shred_package)
unit_purgers.register(UnitKind.DOCUMENT.value, packages_gone)
