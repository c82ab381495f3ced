"""mien: facial expressions from images, from FER-2013 to a served classifier."""

from __future__ import annotations

__version__ = "0.1.0"
