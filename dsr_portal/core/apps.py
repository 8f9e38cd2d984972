from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class CoreConfig(AppConfig):
    name = "dsr_portal.core"
    label = "core"

    def ready(self) -> None:
        from dsr_portal.core import guards

        for part in ("checks", "contrast", "stores"):
            import_module(f"{self.name}.{part}")
        pre_migrate.connect(guards.before_migrate, sender=self)
        post_migrate.connect(guards.after_migrate, sender=self)
