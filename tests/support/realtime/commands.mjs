// A program that is driven from outside (see node.py): a command a line on stdin, an event a line on stdout.
import { createInterface } from "node:readline";

/**
 * @param {string} event
 * @param {object} fields
 */
export const say = (event, fields) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

/**
 * Run commands until there are no more: async functions of their fields, by name.
 *
 * @param {Record<string, (fields: any) => Promise<unknown>>} commands
 */
export async function obey(commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, command, ...fields } = JSON.parse(line);
    commands[command](fields).then(
      (result) => say("result", { id, result: result ?? null }),
      (error) => say("failed", { id, code: error.code ?? null, message: String(error.message) }),
    );
  }
}
