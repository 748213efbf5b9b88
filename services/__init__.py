"""One folder is one process of the standard, one FastAPI app, one database. Folders are found, never listed."""
