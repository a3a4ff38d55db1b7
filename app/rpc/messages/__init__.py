"""Conversion of messages, one file per resource: to the input of ``wire`` schemas, and from rows and entities."""
