// A client for the whole API: paths, bodies, answers and refusals are typed by what openapi-typescript made of the
// served document.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./steward.js";

export type Schemas = components["schemas"];
export type Steward = Client<paths>;

export function steward(baseUrl: string, token: string): Steward {
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
}

/** What the API would not do, and why: `problem.type` is stable, `problem.detail` is for people. */
export class Refused extends Error {
  constructor(readonly problem: Schemas["Problem"]) {
    super(`${problem.status} ${problem.title}: ${problem.detail}`);
  }
}

/** The answer of a call. Throws Refused. */
export function answered<Answer>(result: { data?: Answer; error?: Schemas["Problem"]; response: Response }): Answer {
  if (result.error !== undefined) throw new Refused(result.error);
  if (result.data === undefined) throw new Error(`no answer to ${result.response.url}: ${result.response.status}`);
  return result.data;
}

/** What `look` gives as soon as it is there: other services hear of a change a moment after it was made. */
export async function eventually<Found>(look: () => Promise<Found | undefined>, seconds = 30): Promise<Found> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not there after ${seconds} s`);
}
