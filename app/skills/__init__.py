"""Skills on disk: folders with a manifest and instructions, of a project and of the user."""

from app.skills.manifests import Loaded, load

__all__ = ["Loaded", "load"]
