"""Warns about its importer while it is imported."""

import warnings

warnings.warn("orchard.noisy is deprecated", DeprecationWarning, stacklevel=2)
warnings.warn("about itself", UserWarning, stacklevel=1)
