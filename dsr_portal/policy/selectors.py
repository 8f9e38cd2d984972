from dsr_portal.policy.catalogue import DEFINITIONS
from dsr_portal.policy.models import Setting, SettingState


def current(name: str) -> float | int:
    """The value in force: the approved version, else what the installation started with."""
    definition = DEFINITIONS[name]
    serving = Setting.objects.filter(name=name, state=SettingState.SERVING).first()
    return definition.clean(serving.value) if serving else definition.start()


def version(name: str) -> int:
    """The number of the version in force; 0 before anybody changed it."""
    serving = Setting.objects.filter(name=name, state=SettingState.SERVING).first()
    return serving.version if serving else 0
