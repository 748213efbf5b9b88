"""PostgreSQL, in the two statements a command needs (load, save), the one a list needs, and transactions for the rest."""

from shared.database.engine import Database, Faster
from shared.database.recording import Answer, Cause
from shared.database.records import Record, columns, naming
from shared.database.transaction import Transaction

__all__ = ["Answer", "Cause", "Database", "Faster", "Record", "Transaction", "columns", "naming"]
