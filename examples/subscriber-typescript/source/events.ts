// The events that the subscriber has words for: what their schemas say of them, as far as it is used here.
// All of them, with all their fields: docs/guide/events.md, or /asyncapi.json.

/** What every event of an incident or problem carries; its number is the event's subject. */
export interface Fact {
  state: "new" | "active" | "waiting" | "resolved" | "closed" | "cancelled";
  priority: number | null;
}

export interface Events {
  "steward.incident.opened.v1": Fact & { title: string };
  "steward.incident.waiting.v1": Fact & { reason: "user" | "vendor" | "problem" | "evidence" };
  "steward.incident.linked.v1": Fact & { relation: string; target_number: string | null };
  "steward.problem.opened.v1": Fact & { title: string };
  "steward.problem.waiting.v1": Fact & { reason: "change" | "vendor" | "evidence" };
  "steward.problem.recurred.v1": Fact & { recurrences: number; incident_number: string };
}

type Words = { [Type in keyof Events]: (data: Events[Type]) => string };

const words: Words = {
  "steward.incident.opened.v1": (data) => `opened: ${data.title}`,
  "steward.incident.waiting.v1": (data) => `waits for: ${data.reason}`,
  "steward.incident.linked.v1": (data) => `linked to its ${data.relation} ${data.target_number ?? ""}`.trimEnd(),
  "steward.problem.opened.v1": (data) => `opened: ${data.title}`,
  "steward.problem.waiting.v1": (data) => `waits for: ${data.reason}`,
  "steward.problem.recurred.v1": (data) => `came back with ${data.incident_number}; that makes ${data.recurrences}`,
};

/** What happened: in our words, or in those of its type for all that we do not know, later versions among it. */
export function told(type: string, data: Fact): string {
  const say = words[type as keyof Events] as ((data: Fact) => string) | undefined;
  return say ? say(data) : type.replace(/^steward\.((incident|problem)\.)?|\.v\d+$/g, "").replaceAll(/[._]/g, " ");
}

/** New rules are told on the same topics; they are no record and have no state. */
export function isFact(data: unknown): data is Fact {
  return typeof data === "object" && data !== null && "state" in data && "priority" in data;
}
