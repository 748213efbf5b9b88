// What the compiler must refuse. It fails where one of these lines is no error any more, as it would be if an answer of
// the API had no type.
import { answered, steward } from "./client.js";

const client = steward("http://127.0.0.1:8000", "");
const params = { path: { id: "018f0000-0000-7000-8000-000000000000" } };

export async function checks(): Promise<void> {
  // @ts-expect-error no such route
  await client.POST("/incident/incidents/{id}/destroy", { params });
  // @ts-expect-error a title is needed
  await client.POST("/incident/incidents", { body: {} });
  // @ts-expect-error no such reason to wait
  await client.POST("/incident/incidents/{id}/wait", { params, body: { reason: "lunch" } });
  // @ts-expect-error editing needs the ETag of what was read
  await client.PATCH("/incident/incidents/{id}", { params, body: { title: "Another one" } });
  const incident = answered(await client.GET("/incident/incidents/{id}", { params }));
  // @ts-expect-error a version is a number
  incident.version.toUpperCase();
  // @ts-expect-error nobody may have it yet
  incident.assignee.toUpperCase();
  // @ts-expect-error no such state
  if (incident.state === "burning") return;
  const { error } = await client.GET("/sla/metrics");
  // @ts-expect-error a refusal's status is a number
  error?.status.toUpperCase();
}
