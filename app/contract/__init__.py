"""What is promised to callers, as recorded in ``contract/`` at a release, and what has changed since.

``state`` makes the record of the present code, the comparisons yield ``Change`` objects, and ``changelog`` finds those
that CHANGELOG.md does not mention. Only the commands of ``app.cli.contract`` import this package: nothing here runs
while the service serves. The comparisons know JSON, and nothing of the application.
"""
