"""Which rights free words may ask for: the wider reading first (law T-09).

A request need not name an article, or the law. This is a reminder for the officer who reads, never
a decision: words nobody listed ask for nothing here, and the officer still reads them.
"""

import re

from dsr_portal.law.articles import Right

_WORDS: dict[Right, str] = {
    Right.ACCESS: r"what (?:do )?you (?:have|hold|know|keep|store)|tell me|access|copy|inform|which"
    r"|who (?:has|saw|was shown)|inzage|welke|wat (?:hebben|weten)|kopie|auskunft|was .*speicher"
    r"|welche|kopie",
    Right.ERASURE: r"delete|erase|remov|take .{0,30}(?:down|off|out)|forget|verwijder|wis(?:sen)?"
    r"|weghalen|lösch|entfern",
    Right.OBJECTION: r"stop|object|don.t want|do not want|not allow|take .{0,30}(?:down|off|out)"
    r"|bezwaar|niet (?:willen|wil)|widersp|aufhören|nicht (?:will|möchte)",
    Right.RESTRICTION: r"lock|freeze|block|restrict|keep .* evidence|beperk|bevries|sperr"
    r"|einschränk",
    Right.RECTIFICATION: r"wrong|correct|not me|mistake|rectif|fout|klopt niet|onjuist|falsch"
    r"|berichtig|stimmt nicht",
    Right.PORTABILITY: r"portab|take .{0,30}along|machine.readable|(?:over)?draagba|meenem"
    r"|machineleesba|übertragba|mitnehm|maschinenlesba",
}
_COMPILED = {right: re.compile(words, re.IGNORECASE) for right, words in _WORDS.items()}


def rights_in(words: str) -> list[str]:
    """Codes of the rights these words may ask for, in the order of the law's articles."""
    return [right.value for right, pattern in _COMPILED.items() if pattern.search(words)]
