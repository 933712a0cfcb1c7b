"""Finished documents to draw and to mail, without a database: those of the product's own previews."""

from billing.editions.samples import *  # noqa: F403
