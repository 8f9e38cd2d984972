from dsr_portal.core.app import PortalApp


class JobsConfig(PortalApp):
    name = "dsr_portal.jobs"
    label = "jobs"
