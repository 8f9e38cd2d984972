"""The base of every app's configuration: it registers what the app brings when it is ready."""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from django.apps import AppConfig

_PARTS = ("events", "stores", "senders", "jobs", "checks", "purgers", "beats", "guards")


class PortalApp(AppConfig):
    """Imports the registering modules an app has; see `core.registries`."""

    # Django must not take this base for the configuration of an app that imports it.
    default = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.default = True

    def import_models(self) -> None:
        """Django looks in ``models`` alone; the tables of a subject stand in ``..._models``."""
        super().import_models()
        for module in iter_modules([self.path]):
            if module.name.endswith("_models"):
                import_module(f"{self.name}.{module.name}")

    def ready(self) -> None:
        for part in _PARTS:
            module = f"{self.name}.{part}"
            if find_spec(module) is not None:
                import_module(module)
