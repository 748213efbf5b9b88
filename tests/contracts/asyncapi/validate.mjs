// Reads an AsyncAPI document from standard input and prints what @asyncapi/parser says about it, as a JSON list of
// {severity, code, path, message}; severity 0 is an error. Exit status 0 whatever it finds.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
const told = diagnostics.map(({ severity, code, path, message }) => ({ severity, code, path: path.join("."), message }));
process.stdout.write(JSON.stringify(told));
