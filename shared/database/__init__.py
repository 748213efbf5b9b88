"""PostgreSQL: a command needs two statements (load, save), a list one; transactions are for the rest."""

from shared.database.engine import Database, Faster
from shared.database.recording import Answer, Cause
from shared.database.records import Record, columns, naming
from shared.database.transaction import Transaction

__all__ = ["Answer", "Cause", "Database", "Faster", "Record", "Transaction", "columns", "naming"]
