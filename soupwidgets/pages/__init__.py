"""Static sites whose panels measure in the page: any mixture that a visitor chooses, without a kernel."""

from soupwidgets.pages.export import ExportedSite, export_site

__all__ = ["ExportedSite", "export_site"]
