"""Sites: what a page needs to mix and to measure without a kernel."""

from soupwidgets.site.errors import SiteError
from soupwidgets.site.folder import write_engine
from soupwidgets.site.inline import inlined

__all__ = ["SiteError", "inlined", "write_engine"]
