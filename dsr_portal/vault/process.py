"""What every process of the portal does for the secrets it holds in memory."""

import resource
from pathlib import Path


def forbid_core_dumps() -> None:
    """No process writes its memory to disk when it crashes (design, section 5)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def unencrypted_swap(
    swaps: Path = Path("/proc/swaps"), block: Path = Path("/sys/class/block")
) -> list[str]:
    """Names of swap areas on disk that are not on dm-crypt: keys may be written there."""
    try:
        lines = swaps.read_text().splitlines()[1:]
    except OSError:
        return []
    names = [line.split()[0] for line in lines if line.strip()]
    return [name for name in names if not _keeps_secrets(name, block)]


def _keeps_secrets(name: str, block: Path) -> bool:
    device = Path(name).resolve().name
    if device.startswith("zram"):
        return True
    try:
        return (block / device / "dm" / "uuid").read_text().startswith("CRYPT-")
    except OSError:
        return False
