"""Messages, a resource a file: into the data that the schemas of ``wire`` read, and out of rows and entities."""
