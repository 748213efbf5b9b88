"""Service level management, ISO/IEC 20000-2 6.1.

Owns: the service catalogue, agreements (SLA, OLA, underpinning contracts), business calendars, the clock of every
target and record, the measurement of every month, reviews, the actions that are agreed on, and why promises were
missed.
Publishes: steward.sla (service published; calendar versioned; agreement activated; chain unsupported; clock started,
paused, resumed, warned, breached, retargeted, reopened, stopped, cancelled; measurement finalised, replaced; review
planned, held, cancelled; action raised, revised, overdue, completed, dropped; breach explained).
Consumes: steward.incident (every fact of a record: some move its clocks, all bring its figures and its time; and the
times in which a service could not be used).
"""
