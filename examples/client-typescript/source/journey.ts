// A morning at the service desk: an incident is opened, tied to the problem behind it and closed; the problem counts a
// recurrence and the metrics of the agreement move, in other services, by themselves.
import { randomUUID } from "node:crypto";
import { answered, eventually, type Schemas, type Steward, steward } from "./client.js";

const { STEWARD_URL = "http://127.0.0.1:8000", DESK_TOKEN = "", MANAGER_TOKEN = "", SERVICE = "Order portal" } = process.env;
const desk = steward(STEWARD_URL, DESK_TOKEN);
const manager = steward(STEWARD_URL, MANAGER_TOKEN);

async function restorations(of: Steward): Promise<number> {
  const query = { service: SERVICE, target: "resolve" };
  const { items } = answered(await of.GET("/sla/metrics", { params: { query } }));
  return items.reduce((sum, metric) => sum + metric.count, 0);
}

async function close(incident: Schemas["IncidentView"]): Promise<Schemas["IncidentView"]> {
  // The key makes the request safe to repeat, the ETag says what it was decided on.
  const header = { "Idempotency-Key": randomUUID(), "If-Match": `"${incident.version}"` };
  const params = { path: { id: incident.id }, header };
  return answered(await desk.POST("/incident/incidents/{id}/close", { params, body: { note: "A new fuser" } }));
}

const before = await restorations(manager);
const problem = answered(await manager.POST("/problem/problems", { body: { title: "Printers catch fire" } }));
console.log(`${problem.number} is ${problem.state}: ${problem.title}`);

const opened = answered(
  await desk.POST("/incident/incidents", {
    body: { title: "The printer is on fire", organisation: "northwind", service: SERVICE, impact: 1, urgency: 1 },
  }),
);
console.log(`${opened.number} is ${opened.state}, priority ${opened.priority}`);

const linked = answered(
  await desk.POST("/incident/incidents/{id}/link", {
    params: { path: { id: opened.id } },
    body: { problem: problem.id },
  }),
);
const closed = await close(linked);
console.log(`${closed.number} is ${closed.state}; now one may ${closed.allowed_actions.join(", ")}`);

const again = await desk.POST("/incident/incidents/{id}/close", { params: { path: { id: opened.id } } });
if (!again.error) throw new Error("it was closed twice");
console.log(`closed again: ${again.error.status} ${again.error.title}; allowed: ${again.error.allowed?.join(", ")}`);

const recurred = await eventually(async () => {
  const found = answered(await manager.GET("/problem/problems/{id}", { params: { path: { id: problem.id } } }));
  return found.recurrences > 0 ? found : undefined;
});
console.log(`${recurred.number} came back ${recurred.recurrences} time, last at ${recurred.last_recurrence_at}`);

const after = await eventually(async () => {
  const count = await restorations(manager);
  return count > before ? count : undefined;
});
console.log(`restorations of ${SERVICE} in the metrics: ${before} before, ${after} after`);
