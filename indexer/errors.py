"""What can go wrong offline, one class for each person who can mend it."""


class ArticleError(Exception):
    """A file of the corpus does not say what it should; its author can mend it.

    The message reads `file:line: found; expected; what to do`.
    """


class ArtifactError(Exception):
    """The index on disk cannot be written or used; whoever runs the service can mend it."""


class ModelError(Exception):
    """The embedding model is missing or unusable; whoever runs the build can mend it."""


class StoreError(Exception):
    """A store on another machine does not answer; whoever runs the service can mend it."""
