// Follows Steward's incidents and problems from its topics: a line for each change, going on where it stopped last.
import { Consumer, type Message, stringDeserializers } from "@platformatic/kafka";
import { type CloudEventV1, Kafka, type KafkaMessage } from "cloudevents";
import { isFact, told } from "./events.js";

const brokers = (process.env.KAFKA ?? "127.0.0.1:8190").split(",");
const groupId = process.env.GROUP ?? "subscriber-typescript";

function eventOf({ key, value, headers }: Message<string, string, string, string>): CloudEventV1<unknown> {
  const received: KafkaMessage = { key, value, body: value, headers: Object.fromEntries(headers) };
  const event = Kafka.toEvent<unknown>(received);
  // The SDK can give several, for batches; a message of Steward is one event.
  return event as CloudEventV1<unknown>;
}

/** `2026-03-02T07:12:00Z  INC-1042  new  P2  opened: Orders cannot be placed  (carol)` */
function line(event: CloudEventV1<unknown>): string | undefined {
  const { time, subject, type, actor, data } = event;
  if (!isFact(data)) return undefined;
  const priority = data.priority ? `P${data.priority}` : "--";
  return [time, subject, data.state, priority, told(type, data), `(${String(actor)})`].join("  ");
}

const consumer = new Consumer({
  clientId: "subscriber-typescript",
  bootstrapBrokers: brokers,
  groupId,
  deserializers: stringDeserializers,
  autocommit: false,
});
// A group starts at the topics' beginning and goes on after what it committed. Killed between a line and its commit, it
// prints that line again: who keeps anything skips the ids, or a record's sequences, that it has had.
const messages = await consumer.consume({
  topics: ["steward.incident", "steward.problem"],
  mode: "committed",
  fallbackMode: "earliest",
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void messages.close());

for await (const message of messages) {
  const said = line(eventOf(message));
  if (said) console.log(said);
  await message.commit();
}
await consumer.close();
