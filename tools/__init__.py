"""Scripts behind the Makefile's verbs: environments, locks, measuring, generated pages.

Each module is run as `python -m tools.<name>` from the project's root. Nothing here is
imported by the product or shipped with it.
"""
