"""Finished documents to draw and to mail, without a database: those of the product's own previews."""

from billing.wording.samples import *  # noqa: F403
