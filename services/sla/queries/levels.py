"""What promises about months are measured from, and which months are still to be measured or measured again."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.sla.domain.measuring import Found
from services.sla.rules.availability import Outage
from services.sla.rules.level_spec import Availability
from services.sla.rules.periods import Measured
from services.sla.rules.throughput import Closing
from services.sla.tables import Measurement
from shared.database import Database, Transaction
from shared.database.page import Listing

# The rows that a measurement is made from, in their order. A planned time counts as well: it is no agreed one.
_OUTAGES = """
    SELECT record, id, began_at, ended_at, degree, planned, organisation FROM outage
    WHERE service = {service} AND NOT withdrawn AND began_at < {ends} AND (ended_at IS NULL OR ended_at > {begins})
"""
# Closed in the time and not opened again before its end: a record that is closed twice in it counts by the last time.
_CLOSINGS = """
    SELECT fact.record, fact.at, fact.sequence, fact.organisation, fact.service, tracked.kind
    FROM fact JOIN tracked ON tracked.id = fact.record
    WHERE fact.kind = 'closed' AND fact.at >= {begins} AND fact.at < {ends} AND NOT EXISTS
          (SELECT FROM fact AS later WHERE later.record = fact.record AND later.sequence > fact.sequence
           AND later.kind IN ('reopened', 'closed') AND later.at < {ends})
"""
_OUTAGES_DIGEST = "md5(coalesce(string_agg(CAST(made AS text), ',' ORDER BY record, id), ''))"
_CLOSINGS_DIGEST = (
    "count(*) || ':' || coalesce(sum(hashtextextended(made.record || ' ' || extract(epoch FROM made.at), 0)), 0)"
)
_GIVEN = {"service": ":service", "begins": ":begins", "ends": ":ends"}
_OWN = {"service": "m.service", "begins": "m.begins_at", "ends": "m.ends_at"}

OUTAGES = text(_OUTAGES.format(**_GIVEN))
OUTAGES_DIGEST = text(f"SELECT {_OUTAGES_DIGEST} FROM ({_OUTAGES.format(**_GIVEN)}) AS made")
CLOSINGS = text(
    f"SELECT made.at, opened.at AS opened_at FROM ({_CLOSINGS.format(**_GIVEN)}) AS made "
    "JOIN LATERAL (SELECT at FROM fact WHERE fact.record = made.record ORDER BY sequence LIMIT 1) AS opened ON true "
    "WHERE made.kind = ANY(CAST(:kinds AS text[])) "
    "AND (CAST(:customers AS text[]) = '{}' OR made.organisation = ANY(CAST(:customers AS text[]))) "
    "AND (CAST(:services AS text[]) = '{}' OR made.service = ANY(CAST(:services AS text[])))"
)
CLOSINGS_DIGEST = text(f"SELECT {_CLOSINGS_DIGEST} FROM ({_CLOSINGS.format(**_GIVEN)}) AS made")

# By the digest and not by a time at which something was kept: a correction that is committed while this runs is seen
# the next time, whatever its clock said.
CORRECTED = text(
    f"""
    SELECT id FROM measurement AS m WHERE state = 'final' AND made_from IS DISTINCT FROM CASE
        WHEN measure = 'availability' THEN (SELECT {_OUTAGES_DIGEST} FROM ({_OUTAGES.format(**_OWN)}) AS made)
        ELSE (SELECT {_CLOSINGS_DIGEST} FROM ({_CLOSINGS.format(**_OWN)}) AS made) END
    ORDER BY begins_at, id LIMIT :limit
    """
)
APPLIED = text("SELECT name, min(applied_at) AS at FROM policy WHERE kind = 'sla/Agreement' GROUP BY name")
KNOWN = text("SELECT DISTINCT agreement, level, period FROM measurement")

MEASUREMENTS = Listing(
    source="measurement",
    shown={
        **{name: f'measurement."{name}"' for name in (
            "id", "number", "version", "state", "organisation", "agreement", "agreement_version", "level", "measure",
            "service", "period", "begins_at", "ends_at", "outcome", "at_least", "value", "records", "counted",
            "measured_at", "replaces", "replaced_by")},
        "agreed_microseconds": "measurement.agreed",
        "lost_microseconds": "measurement.lost",
        "budget_microseconds": "measurement.budget",
    },
    filters={
        "agreement": ("agreement", "eq"),
        "level": ("level", "eq"),
        "measure": ("measure", "in"),
        "service": ("service", "eq"),
        "period": ("period", "eq"),
        "outcome": ("outcome", "in"),
        "state": ("state", "in"),
        "visible": ("agreement", "any"),
    },
    sorts={"begins_at": ("begins_at", "timestamptz")},
    default="-begins_at",
)  # fmt: skip


async def found_for(source: Transaction | Database, measured: Measured, until: datetime | None = None) -> Found:
    """What a level's figures are made from, up to its end or `until`."""
    level, spec = measured.level, measured.agreement.spec
    ends = measured.ends if until is None else min(measured.ends, until)
    given = {"service": getattr(level, "service", None), "begins": measured.begins, "ends": ends}
    if isinstance(level, Availability):
        (row,) = await source.rows(OUTAGES_DIGEST, given)
        outages = [
            Outage(each.began_at, each.ended_at, each.degree, each.planned)
            for each in await source.rows(OUTAGES, given)
            if level.outages_of == "anybody" or not spec.customers or each.organisation in spec.customers
        ]
        return Found(row[0], outages=outages)
    del given["service"]
    (row,) = await source.rows(CLOSINGS_DIGEST, given)
    scope = {"kinds": list(level.kinds), "customers": list(spec.customers), "services": list(spec.services)}
    closings = [Closing(each.opened_at, each.at) for each in await source.rows(CLOSINGS, given | scope)]
    return Found(row[0], closings=closings)


async def measured_months(transaction: Transaction) -> set[tuple[str, str, str]]:
    """(agreement, level, period) of every measurement there is."""
    return {(each.agreement, each.level, each.period) for each in await transaction.execute(KNOWN)}


async def applied(transaction: Transaction) -> dict[str, datetime]:
    """When each agreement was first applied here: of what was before, nothing is known."""
    return {each.name: each.at for each in await transaction.execute(APPLIED)}


async def corrected(transaction: Transaction, limit: int) -> list[Measurement]:
    """Final measurements of which something they were made from is another now; locked."""
    ids: Iterable[UUID] = (await transaction.execute(CORRECTED, {"limit": limit})).scalars().all()
    found = await transaction.load_many(Measurement, ids)
    # One that another replica has replaced meanwhile is not final any more.
    return [each for each in found.values() if each.state == "final"]
