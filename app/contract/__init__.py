"""Comparison of the API contract with the record of the last release in ``contract/``.

``contract_record`` creates the record of the current code, the comparisons yield ``Change`` objects, and
``changelog_check`` finds changes that CHANGELOG.md does not mention. Only the commands of ``app.cli.contract`` import
this package; the running service does not use it. The comparisons process JSON and do not import the application.
"""
