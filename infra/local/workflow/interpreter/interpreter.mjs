// Interprets state machines for the Go process that starts it: one JSON message a line on stdin and stdout. Tasks
// are not done here: each is sent to the parent, which answers it.

import { createInterface } from "node:readline";

// Node 20 lacks it, and the library calls it.
Promise.withResolvers ??= function () {
  const settlers = {};
  settlers.promise = new this((resolve, reject) => Object.assign(settlers, { resolve, reject }));
  return settlers;
};

const { StateMachine } = await import("aws-local-stepfunctions");

const machines = new Map();
const executions = new Map();
const tasks = new Map();
let lastTask = 0;

function send(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}

function named(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
}

/** Yields the task states of a definition with their names, those inside branches and iterators too. */
function* taskStates(definition) {
  for (const [name, state] of Object.entries(definition.States)) {
    if (state.Type === "Task") yield [name, state];
    for (const inner of [...(state.Branches ?? []), state.ItemProcessor, state.Iterator]) {
      if (inner) yield* taskStates(inner);
    }
  }
}

function load({ machine, definition }) {
  try {
    // The validator that the library runs changes what it is given.
    new StateMachine(structuredClone(definition));
    const runnable = new StateMachine(definition, { validationOptions: { noValidate: true } });
    machines.set(machine, { runnable, tasks: [...taskStates(definition)] });
    send({ op: "loaded", machine });
  } catch (error) {
    send({ op: "refused", machine, message: error.message });
  }
}

async function start({ execution, machine, input, context }) {
  const { runnable, tasks: states } = machines.get(machine);
  const handlers = {};
  for (const [name, state] of states) {
    handlers[name] = (parameters) =>
      new Promise((resolve, reject) => {
        const task = ++lastTask;
        tasks.set(task, { resolve, reject });
        send({ op: "task", task, execution, state: name, resource: state.Resource, parameters });
      });
  }
  const run = runnable.run(input, { context, overrides: { taskResourceLocalHandlers: handlers } });
  executions.set(execution, run);
  run.result.catch(() => {}); // The events tell the failure too, and in more detail.
  const ended = { op: "ended", execution, transitions: 0 };
  for await (const event of run.eventLogs) {
    switch (event.type) {
      case "StateEntered":
        ended.transitions++;
        break;
      case "StateRetried":
      case "StateCaught":
      case "StateFailed":
        send({ op: "event", execution, type: event.type, state: event.state.name, error: event.Error, cause: text(event.Cause) });
        break;
      case "ExecutionSucceeded":
        Object.assign(ended, { status: "SUCCEEDED", output: event.output });
        break;
      case "ExecutionFailed":
        Object.assign(ended, { status: "FAILED", error: event.Error, cause: text(event.Cause) });
        break;
      case "ExecutionTimeout":
        Object.assign(ended, { status: "TIMED_OUT", error: "States.Timeout" });
        break;
      case "ExecutionAborted":
        Object.assign(ended, { status: "ABORTED" });
        break;
    }
  }
  executions.delete(execution);
  send(ended);
}

function text(cause) {
  if (cause === undefined || typeof cause === "string") return cause;
  return cause instanceof Error ? cause.message : JSON.stringify(cause);
}

function answer({ task, result, error }) {
  const waiting = tasks.get(task);
  tasks.delete(task);
  if (error) waiting?.reject(named(error.name, error.message));
  else waiting?.resolve(result);
}

const operations = {
  load,
  start,
  answer,
  abort: ({ execution }) => executions.get(execution)?.abort(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  operations[message.op](message);
}
// The parent has closed stdin, or is gone.
process.exit(0);
