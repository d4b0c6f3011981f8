"""Files of a project as context for agents: which there are, their signatures without bodies, their size in tokens."""

from app.context import files
from app.context.languages import LANGUAGES, language_of
from app.context.skeletons import NoSkeleton, skeleton
from app.context.tokens import count_tokens

__all__ = ["LANGUAGES", "NoSkeleton", "count_tokens", "files", "language_of", "skeleton"]
