/** What a heartbeat tells the queue, and whom it tells what it hears. */
import assert from "node:assert/strict";
import { heartbeat } from "../../../experiments/queue/heartbeat.ts";
import type { ClaimTable } from "../../../experiments/queue/queue.ts";
import { openQueues, queueWith } from "./queues.ts";

/** A queue that answers each beat as it is told, the last way for ever; and what it was told. */
function answering(queue: ClaimTable, answers: readonly (readonly string[] | Error)[]) {
  const told: ReadonlyMap<string, number>[] = [];
  const beat = (steps: ReadonlyMap<string, number>): Promise<string[]> => {
    const answer = answers[Math.min(told.length, answers.length - 1)];
    told.push(steps);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve([...answer]);
  };
  return { told, queue: queueWith(queue, { beat }) };
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !condition();) {
    assert.ok(performance.now() < end, "it takes too long");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const SHORT_INTERVALS = { beat: 0.002 };

Deno.test(
  "heartbeat() tells where runs are, and hands on what was lost, until it is disposed of",
  async () => {
    await using bench = await openQueues();
    const { queue, told } = answering(await bench.open("a"), [["01/x"], []]), heard: (readonly string[])[] = [];
    let step = 0;
    {
      using _heart = heartbeat(queue, {
        timing: SHORT_INTERVALS,
        steps: () => new Map([["01/y", ++step]]),
        onBeat: (lost) => heard.push(lost),
      });
      await until(() => heard.length >= 3);
    }
    const beats = told.length;
    assert.deepEqual(heard.slice(0, 3), [["01/x"], [], []]);
    assert.deepEqual(told.slice(0, 3).map((steps) => [...steps]), [[["01/y", 1]], [["01/y", 2]], [["01/y", 3]]]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(told.length, beats);
  },
);

Deno.test(
  "heartbeat() says once that the queue does not answer, and again after it has answered",
  async () => {
    await using bench = await openQueues();
    const busy = new Error("database is locked"), said: string[] = [];
    const { queue, told } = answering(await bench.open("a"), [busy, busy, [], busy]);
    {
      using _heart = heartbeat(queue, { timing: SHORT_INTERVALS, onSilence: (problem) => said.push(problem) });
      await until(() => told.length >= 6);
    }
    const problem = "Cannot write this process's heartbeat to the queue: database is locked";
    assert.deepEqual(said, [problem, problem]);
  },
);
