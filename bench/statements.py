"""The schema and the SQL of the reference: what hand-written code would run for one incident.

`bench.bare` runs these through asyncpg, `bench.pgbench` the very same text through pgbench. The columns are those of
Steward's incident, so that a row and an answer weigh the same; bodies are text, as in Steward's event log. Parameters
are numbered as PostgreSQL numbers them.
"""

STATES_OPEN = ("new", "active", "waiting")

COLUMNS = {
    "id": "uuid PRIMARY KEY",
    "number": "text NOT NULL UNIQUE DEFAULT 'INC-' || nextval('incident_number')",
    "version": "integer NOT NULL DEFAULT 1",
    "kind": "text NOT NULL",
    "state": "text NOT NULL DEFAULT 'new'",
    "waiting_reason": "text",
    "title": "text NOT NULL",
    "description": "text NOT NULL",
    "impact": "smallint NOT NULL",
    "urgency": "smallint NOT NULL",
    "priority": "smallint NOT NULL",
    "priority_overridden": "boolean NOT NULL DEFAULT false",
    "organisation": "text NOT NULL",
    "service": "text",
    "ci": "text",
    "category": "text",
    "subcategory": "text",
    "symptom": "text",
    "caller": "text",
    "channel": "text",
    "group": "text",
    "assignee": "text",
    "occurred_at": "timestamptz",
    "detected_at": "timestamptz",
    "opened_at": "timestamptz NOT NULL",
    "recorded_at": "timestamptz NOT NULL",
    "taken_up_at": "timestamptz",
    "resolved_at": "timestamptz",
    "closed_at": "timestamptz",
    "close_due_at": "timestamptz",
    "resolution_code": "text",
    "resolution_note": "text",
    "cause": "text",
    "closure_code": "text",
    "confirmed_by": "text",
    "reopen_count": "integer NOT NULL DEFAULT 0",
    "reassignment_count": "integer NOT NULL DEFAULT 0",
    "parent": "uuid",
    "problem": "uuid",
    "duplicate_of": "uuid",
    "escalation": "text",
    "escalated_to": "text",
    "escalated_at": "timestamptz",
    "acknowledged_at": "timestamptz",
    "cause_code": "text",
    "effort_minutes": "integer NOT NULL DEFAULT 0",
    "informed_at": "timestamptz",
    "next_update_due": "timestamptz",
    "update_overdue_since": "timestamptz",
    "sla_state": "text",
    "sla_due_at": "timestamptz",
    "cause_change": "uuid",
    "outages": "jsonb NOT NULL DEFAULT '[]'",
    "workarounds": "jsonb NOT NULL DEFAULT '[]'",
    "suspects": "jsonb NOT NULL DEFAULT '[]'",
    "origin": "text",
    "reference": "text",
}
ROW = ", ".join(f'"{name}"' for name in COLUMNS)

SCHEMA = f"""
CREATE SEQUENCE incident_number;
CREATE TABLE incident ({", ".join(f'"{name}" {definition}' for name, definition in COLUMNS.items())})
 WITH (fillfactor = 85);
CREATE INDEX incident_by_state ON incident (state, opened_at);
CREATE INDEX incident_open ON incident (opened_at, id) WHERE state IN ('new', 'active', 'waiting');
CREATE TABLE history (
    id uuid PRIMARY KEY, incident uuid NOT NULL REFERENCES incident, sequence integer NOT NULL, type text NOT NULL,
    actor text NOT NULL, occurred timestamptz NOT NULL, body text NOT NULL, UNIQUE (incident, sequence));
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL, incident uuid NOT NULL,
    type text NOT NULL, body text NOT NULL);
"""

# A seeded incident's id is made of its place in the seed, so that every load can name one without asking first.
ID_OF = "('00000000-0000-7000-8000-' || lpad({place}::text, 12, '0'))::uuid"

CREATE = f"""INSERT INTO incident (id, kind, title, description, impact, urgency, priority, organisation, service, ci,
 category, subcategory, symptom, caller, channel, opened_at, recorded_at)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16) RETURNING {ROW}"""
UPDATE = f"""UPDATE incident SET service = coalesce($2, service), ci = coalesce($3, ci),
 category = coalesce($4, category), subcategory = coalesce($5, subcategory), symptom = coalesce($6, symptom),
 version = version + 1 WHERE id = $1 RETURNING {ROW}"""
HISTORY = (
    "INSERT INTO history (id, incident, sequence, type, actor, occurred, body) VALUES ($1, $2, $3, $4, $5, $6, $7)"
)
OUTBOX = "INSERT INTO outbox (id, incident, type, body) VALUES ($1, $2, $3, $4)"


def page(states: tuple[str, ...], descending: bool) -> str:
    """The first page of the incidents in these states, by the time they were opened; $1 is its size."""
    direction = "DESC" if descending else "ASC"
    chosen = ", ".join(f"'{state}'" for state in states)
    return (
        f"SELECT {ROW} FROM incident WHERE state IN ({chosen}) ORDER BY opened_at {direction}, id {direction} LIMIT $1"
    )
