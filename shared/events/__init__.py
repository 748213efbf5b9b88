"""The event spine: the log that every write ends in, its sequencer, the relay, and the inbox at the other side."""
