"""The story itself: who does what, through the public API alone.

A driver update on a database host makes the order portal read old figures. The desk sees what it strikes, tries what is
known, finds the change behind it, has it undone as an emergency, and proves a month later that the cause is gone.
"""

from datetime import datetime, timedelta

from cli.demo.stage import Json, Refused, Stage
from cli.seed import estate, policies

INCIDENTS, MAJOR = "/incident/incidents", "/incident/major-incidents"
PROBLEMS, KNOWN, CHANGES = "/problem/problems", "/problem/known-errors", "/change/changes"
SERVICE, ITEM, HOST = "Order portal", "orders-db-2", "db-host-8"


async def story(stage: Stage) -> None:
    """All of it, in order."""
    await company(stage)
    problem, known = await weakness(stage)
    await weeks_before(stage, problem)
    change = await update(stage)
    before = await stage.get("grace", "/sla/metrics", service=SERVICE)
    incident = await alert(stage)
    major = await command(stage, incident)
    await attempts(stage, incident, known, change)
    fix = await emergency(stage, incident, problem)
    await restored(stage, incident, major)
    await proof(stage, problem, fix)
    await figures(stage, before)


async def company(stage: Stage) -> None:
    async with stage.step("A small company: its rules, what it has, and what depends on what", counted=True):
        root = stage.steward.client("root")
        await policies(root)
        await estate(root)
        for name in ("Service desk", "Application support", "Network operations"):
            await stage.send("alice", "/incident/groups", {"name": name})
        await stage.send("alice", "/incident/people", {"name": "alice", "group": "Service desk"})


async def weakness(stage: Stage) -> tuple[Json, Json]:
    """A problem that is known for long, and what to do meanwhile."""
    async with stage.step("Problem management publishes what to do when the replica falls behind"):
        problem = await stage.send(
            "grace",
            PROBLEMS,
            {"title": "The replica of the order database falls behind", "service": SERVICE, "ci": ITEM,
             "category": "Data", "frequency": 2, "impact": 1, "cost": 2},
        )  # fmt: skip
        known = await stage.send(
            "grace",
            KNOWN,
            {"problem": problem["id"], "title": "Old figures in the order portal",
             "symptom": "The portal shows prices or stock figures of an earlier hour.",
             "workaround": "Point the portal's reads at orders-db-1 until the replica has caught up.",
             "items": [ITEM], "service": SERVICE, "review_at": "2026-06-01T08:00:00Z"},
        )  # fmt: skip
    return problem, known


async def weeks_before(stage: Stage, problem: Json) -> None:
    """What a fix will have to be measured by: how often it struck until now."""
    async with stage.step("Three times in the last weeks it struck already; that past is played in", counted=True):
        records = [
            past(number, stage.now - timedelta(days=days), problem) for number, days in ((1, 23), (2, 15), (3, 6))
        ]
        answer = await stage.send("root", "/incident/history", {"origin": "demo", "records": records})
        if any(each["rejected"] for each in answer["records"]):
            raise Refused(str(answer))
        await stage.send("root", "/incident/history/complete", {"origin": "demo"})


def past(number: int, opened: datetime, problem: Json) -> Json:
    opening = {"title": "Order portal shows old stock figures", "organisation": "northwind", "service": SERVICE,
               "ci": ITEM, "category": "Data", "impact": 2, "urgency": 2}  # fmt: skip
    steps: tuple[tuple[int, str, Json], ...] = (
        (0, "open", opening),
        (20, "start", {}),
        (30, "link", {"problem": problem["id"]}),
        (90, "resolve", {"resolution_code": "workaround"}),
        (200, "close", {}),
    )
    return {
        "reference": f"DEMO-{number}",
        "steps": [
            {"row": row, "at": (opened + timedelta(minutes=minutes)).isoformat(), "actor": "alice", "action": action,
             "body": body}
            for row, (minutes, action, body) in enumerate(steps, start=1)
        ],
    }  # fmt: skip


async def update(stage: Stage) -> Json:
    """A normal change, approved and carried out as planned, on the host below that replica."""
    stage.pass_time(minutes=20)
    async with stage.step("A driver is updated on the database's host: asked for, classified, approved, done"):
        change = await stage.send(
            "bob",
            CHANGES,
            {"title": "New disk driver on db-host-8", "reason": "The maker ends support of the old one.",
             "items": [HOST], "planned_start": "2026-03-02T09:45:00Z", "planned_end": "2026-03-02T10:30:00Z",
             "plan": "Install the driver, restart the host, look at the replica's delay.",
             "backout": "Install the old driver and restart the host.", "backout_minutes": 30,
             "backout_tested": True,
             "answers": {"reach": "one service", "experience": "a few times", "reversal": "at once",
                         "outage": "nothing", "data": "none"}},
        )  # fmt: skip
        path = f"{CHANGES}/{change['id']}"
        await acknowledged(stage, path)
        await stage.send("erin", f"{path}/approve", {"note": "It can be undone at once."})
        stage.pass_time(minutes=25)
        await stage.send("bob", f"{path}/start")
        stage.pass_time(minutes=20)
        return await stage.send("bob", f"{path}/complete", {"note": "The host is up; the replica follows."})


async def acknowledged(stage: Stage, path: str) -> None:
    """Whatever is in the way of a change is accepted with a reason, or the policy lets nobody approve it."""
    for collision in (await stage.get("bob", f"{path}/collisions"))["items"]:
        stage.say(f"[yellow]in its way: {collision['kind']} {collision.get('with_what') or ''}[/yellow]")
        reason = "Agreed with Northwind: the replica can be missed this morning."
        await stage.send("bob", f"{path}/acknowledge", {"collision": collision["id"], "reason": reason})


async def alert(stage: Stage) -> Json:
    """Monitoring reports it; the desk sees what it strikes before anybody calls."""
    stage.pass_time(minutes=35)
    async with stage.step("An alert: the replica is an hour behind. The desk opens an incident on it"):
        detected = stage.now.isoformat()
        stage.pass_time(minutes=2)
        incident = await stage.send(
            "alice",
            INCIDENTS,
            {"title": "Order portal shows old prices", "organisation": "northwind", "service": SERVICE, "ci": ITEM,
             "category": "Data", "urgency": 1, "channel": "monitoring", "detected_at": detected,
             "group": "Application support", "assignee": "alice"},
        )  # fmt: skip
        seen = await stage.get("alice", f"{INCIDENTS}/{incident['id']}/proposals")
        stage.say(f"impact {incident['impact']} by the graph of items, so priority {incident['priority']}")
        for strike in seen["impact"]["services"]:
            stage.say(f"struck: {strike['name']}, by {' → '.join(strike['path'])}")
        for known in seen["known_errors"]:
            stage.say(f"known: {known['number']} {known['title']}")
        for change in seen["changes"]:
            stage.say(f"changed lately: {change['number']} {change['title']}, by {' → '.join(change['path'])}")
    return incident


async def command(stage: Stage, incident: Json) -> Json:
    stage.pass_time(minutes=3)
    async with stage.step("It strikes a service that earns money: a major incident is declared"):
        major = await stage.send(
            "heidi",
            f"{INCIDENTS}/{incident['id']}/declare-major",
            {"criterion": "critical-service-down", "reason": "Northwind sells at yesterday's prices.",
             "communications": "alice"},
        )  # fmt: skip
        await stage.send("alice", f"{INCIDENTS}/{incident['id']}/start")
        text = "Prices in the portal are from an earlier hour. We work on it; next word in half an hour."
        await stage.send("alice", f"{INCIDENTS}/{incident['id']}/inform", {"text": text})
        await stage.send("alice", f"{MAJOR}/{major['id']}/send-update", {"text": text, "audience": "customers"})
    return major


async def attempts(stage: Stage, incident: Json, known: Json, change: Json) -> None:
    """What is known does not help; what was changed explains it."""
    path = f"{INCIDENTS}/{incident['id']}"
    stage.pass_time(minutes=8)
    async with stage.step("The known error's workaround is tried; the change an hour ago is found to be the cause"):
        body = {"known_error": known["id"], "helped": False, "note": "The driver on its host drops writes as well."}
        await stage.send("alice", f"{path}/apply-workaround", body)
        reason = "The replica stopped when the host came up with the new driver."
        await stage.send("alice", f"{path}/confirm-change", {"change": change["id"], "reason": reason})
        await stage.send("alice", f"{path}/link", {"problem": known["problem"]})
        await stage.send("alice", f"{path}/wait", {"reason": "problem", "note": "The driver has to go."})


async def emergency(stage: Stage, incident: Json, problem: Json) -> Json:
    """Problem management wishes for a change; change management takes the short path."""
    stage.pass_time(minutes=4)
    async with stage.step("The cause is identified and a change asked for: change management opens it by itself"):
        path = f"{PROBLEMS}/{problem['id']}"
        await stage.send("grace", f"{path}/start")
        await stage.send(
            "grace",
            f"{path}/identify-cause",
            {"cause": "The disk driver of db-host-8 loses writes under load.", "cause_code": "software",
             "method": "timeline", "evidence": ["The log of the replica stops at the restart with the new driver."]},
        )  # fmt: skip
        body = {"title": "Back to the old disk driver on db-host-8", "reason": "The new one loses writes."}
        asked = await stage.send("grace", f"{path}/request-change", body)
        await stage.steward.drained()
        [fix] = (await stage.get("bob", CHANGES, request=asked["change_request"]))["items"]
    path = f"{CHANGES}/{fix['id']}"
    async with stage.step("It is an emergency: one named authoriser, and the paperwork afterwards"):
        fix = await stage.get("bob", path)
        start, end = "2026-03-02T11:05:00Z", "2026-03-02T11:40:00Z"
        scope = {"items": [HOST, ITEM], "planned_start": start, "planned_end": end, "plan": "Install the old driver.",
                 "backout": "Leave the host down; the portal reads from orders-db-1.", "backout_minutes": 20,
                 "backout_tested": False}  # fmt: skip
        await stage.send("bob", path, scope, if_match=f'"{fix["version"]}"')
        await stage.send("bob", f"{path}/classify", {"emergency": True})
        await acknowledged(stage, path)
        await stage.send("erin", f"{path}/authorise", {"reason": "The portal sells at wrong prices."})
        stage.pass_time(minutes=5)
        await stage.send("bob", f"{path}/start")
        stage.pass_time(minutes=15)
        await stage.send("bob", f"{path}/complete", {"note": "The replica has caught up."})
        review = "It could not wait for the board; the driver is tested on a spare host from now on."
        await stage.send("bob", f"{path}/document", {"justified": True, "review": review})
        return await stage.send("bob", f"{path}/close", {"note": "The old driver is in place."})


async def restored(stage: Stage, incident: Json, major: Json) -> None:
    path = f"{INCIDENTS}/{incident['id']}"
    async with stage.step("The service is restored, the customer confirms it, the command is stood down"):
        outage = {"began_at": "2026-03-02T10:38:00Z", "ended_at": stage.now.isoformat(), "degree": "degraded"}
        await stage.send("alice", f"{path}/record-outage", outage)
        await stage.send("alice", f"{path}/log-effort", {"minutes": 55})
        await stage.send("alice", f"{path}/resume")
        body = {"resolution_code": "reversed", "cause_code": "change", "note": "The old driver is back."}
        await stage.send("alice", f"{path}/resolve", body)
        text = "Prices are current again since a few minutes."
        await stage.send("alice", f"{MAJOR}/{major['id']}/send-update", {"text": text, "audience": "customers"})
        stage.pass_time(minutes=6)
        await stage.send("carol", f"{path}/confirm")
        await stage.send("heidi", f"{MAJOR}/{major['id']}/stand-down", {"reason": "Northwind confirms it."})
        review = {"went_well": "The change was found within minutes.", "to_improve": "Drivers are tested under load.",
                  "actions": ["Add a load test to the model of driver updates."]}  # fmt: skip
        await stage.send("heidi", f"{MAJOR}/{major['id']}/review", review)


async def proof(stage: Stage, problem: Json, fix: Json) -> None:
    path = f"{PROBLEMS}/{problem['id']}"
    async with stage.step("The change is in place: the problem is resolved, and has to be proved"):
        found = await stage.get("grace", path)
        stage.say(f"{found['number']} is {found['state']}; its fix is {fix['number']}")
        if "resolve" in found["allowed_actions"]:
            await stage.send("grace", f"{path}/resolve", {"resolution": "Changed", "note": "The old driver is back."})
    stage.pass_time(days=30)
    async with stage.step("Four weeks later: no new incident, the fix is effective, the problem is closed"):
        await stage.heard_out()
        await stage.send("grace", f"{path}/close", {"closure_code": "Proved"})


async def figures(stage: Stage, before: Json) -> None:
    """What moved by itself."""
    async with stage.step("What moved by itself"):
        after = await stage.get("grace", "/sla/metrics", service=SERVICE)
        stage.say(f"SLA outcomes of {SERVICE}: {outcomes(before)} before, {outcomes(after)} now")
        for clock in (await stage.get("grace", "/sla/clocks", service=SERVICE))["items"]:
            stage.say(f"clock {clock['number']}: {clock['state']}, {clock['outcome']}")


def outcomes(metrics: Json) -> str:
    met = sum(each["met"] for each in metrics["items"])
    missed = sum(each["missed"] for each in metrics["items"])
    return f"{met} met and {missed} missed"
