"""The second wall around workspaces: a role that sees the rows of one workspace alone, whatever it asks for.

Its policies stand on the tables of the read models (``adapters.tables.wall``); the owner of the tables, which projects
and looks callers up, is not bound by them.
"""

READER = "shipbook_reader"
"""The role."""
SETTING = "shipbook.tenant"
"""The setting that names the workspace."""
