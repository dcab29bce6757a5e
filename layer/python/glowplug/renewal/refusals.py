"""Why there is no image, or why a restored process is of no use."""


class SnapshotRefused(RuntimeError):
    """The process is in a state that cannot be carried over."""


class RestoreRefused(RuntimeError):
    """The restored process does not fit its surroundings; the function has to be started another way."""
