"""Service level management, ISO/IEC 20000-2 6.1.

Owns: agreements (SLA, OLA, underpinning contracts), business calendars, the clock of every target and record, and the
figures made from them.
Publishes: steward.sla (calendar versioned; agreement activated; clock started, paused, resumed, warned, breached,
retargeted, reopened, stopped, cancelled).
Consumes: steward.incident (every fact of a record: some move its clocks, all bring its figures and its time).
"""
