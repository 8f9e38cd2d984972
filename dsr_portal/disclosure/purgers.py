from dsr_portal.cases.answered import answered
from dsr_portal.core.registries import hand_outs, purgers, take_backs, unit_purgers
from dsr_portal.disclosure.asides import shows_put_aside
from dsr_portal.disclosure.recusing import take_back
from dsr_portal.disclosure.selectors import answered_cases
from dsr_portal.disclosure.services import packages_gone, release_holds, shred_package
from dsr_portal.vault.kinds import UnitKind

answered.register("disclosure", answered_cases)
hand_outs.register("disclosure.put_aside", shows_put_aside)
purgers.register("disclosure.holds", release_holds)
purgers.register("disclosure.package", shred_package)
take_backs.register("disclosure.answers", take_back)
unit_purgers.register(UnitKind.DOCUMENT.value, packages_gone)
