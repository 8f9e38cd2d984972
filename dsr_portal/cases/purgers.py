from dsr_portal.cases import acting, again, confirmations, found_files, mandates, proofs, services
from dsr_portal.core.registries import ledger_notes, purgers, unit_purgers
from dsr_portal.vault.kinds import UnitKind

purgers.register("cases", services.purge_own)
purgers.register("cases.mandates", mandates.delete_proofs)
purgers.register("cases.proofs", proofs.delete_all)
purgers.register("cases.found_files", found_files.delete_all)
ledger_notes.register(confirmations.CODE_RENEWED, again.codes_renewed)
unit_purgers.register(UnitKind.CASE_CONTACT.value, again.cases_gone)
unit_purgers.register(UnitKind.CASE_FILE.value, again.cases_gone)
unit_purgers.register(UnitKind.PROOF.value, mandates.proofs_gone)
unit_purgers.register(UnitKind.DRAFT.value, again.drafts_gone)
unit_purgers.register(UnitKind.MAIL.value, again.mails_gone)
unit_purgers.register(UnitKind.ACCOUNT.value, acting.accounts_gone)
unit_purgers.register(UnitKind.FOUND_FILE.value, found_files.files_gone)
