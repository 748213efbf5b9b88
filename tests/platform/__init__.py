"""What every service stands on: the database in single statements, the event spine, HTTP."""
