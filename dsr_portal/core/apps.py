from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "dsr_portal.core"
    label = "core"

    def ready(self) -> None:
        from dsr_portal.core import checks, contrast, stores  # noqa: F401 - registers
