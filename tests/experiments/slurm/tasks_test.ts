import assert from "node:assert/strict";
import type { SlurmJob } from "../../../experiments/slurm/jobs_file.ts";
import { parseCluster } from "../../../experiments/slurm/programs.ts";
import { parseTasks, parseTime } from "../../../experiments/slurm/tasks.ts";

const JOB: SlurmJob = {
  cluster: "c",
  job: 12,
  name: "cellspace-01-0123abcd",
  experiment: "01",
  shards: 9,
  tasks: [1, 2, 3],
  list: "0".repeat(64),
  submitted: 0,
};

/** As squeue 22.05 prints them, in narrower columns. */
const LINES = `
12   |1  |PENDING   |1  |0:00      |      |cellspace-01-0123abcd  |BeginTime  |
12   |2  |RUNNING   |0  |1-02:03:04|node7 |cellspace-01-0123abcd  |None       |
12   |3  |COMPLETED |2  |0:41      |node8 |cellspace-01-0123abcd  |None       |
12   |4  |COMPLETING|0  |INVALID   |node8 |cellspace-01-0123abcd  |None       |
12   |5  |PENDING   |0  |0:00      |      |cellspace-01-0123abcd  |Nodes required for job are DOWN, DRAINED|
12   |N/A|RUNNING   |0  |0:41      |node8 |cellspace-01-0123abcd  |None       |
13   |1  |RUNNING   |0  |0:41      |node8 |cellspace-01-0123abcd  |None       |
12   |1  |RUNNING   |0  |0:41      |node8 |somebody's             |None       |
`;

Deno.test("parseTasks() reads what squeue prints of the tasks that are meant", () => {
  assert.deepEqual(parseTasks(LINES, [JOB]), [
    { job: 12, share: 1, state: "pending", slurm_state: "PENDING", restarts: 1, reason: "BeginTime", seconds: 0 },
    { job: 12, share: 2, state: "running", slurm_state: "RUNNING", restarts: 0, node: "node7", seconds: 93784 },
    { job: 12, share: 3, state: "ended", slurm_state: "COMPLETED", restarts: 2, node: "node8", seconds: 41 },
    { job: 12, share: 4, state: "running", slurm_state: "COMPLETING", restarts: 0, node: "node8" },
    {
      job: 12,
      share: 5,
      state: "pending",
      slurm_state: "PENDING",
      restarts: 0,
      reason: "Nodes required for job are DOWN, DRAINED",
      seconds: 0,
    },
  ]);
  assert.deepEqual(parseTasks("", [JOB]), []);
});

Deno.test("parseTime() reads times as Slurm writes them, and as it is given them", () => {
  const times = { "41": 41, "3:20": 200, "4:00:00": 14400, "1-0": 86400, "1-2:30": 95400, "2-00:00:01": 172801 };
  for (const [text, seconds] of Object.entries(times)) assert.equal(parseTime(text), seconds, text);
  assert.equal(parseTime("90", "minutes"), 5400);
  for (const text of ["", "INVALID", "UNLIMITED", "1:2", "4h", "-1", "1-"]) {
    assert.equal(parseTime(text), undefined, text);
  }
});

Deno.test("parseCluster() reads the name and MaxArraySize, and says when they are not there", () => {
  const text =
    "Configuration data as of X\nClusterName             = big\nMaxArraySize            = 1001\nMaxJobCount = 1\n";
  assert.deepEqual(parseCluster(text, "look"), { name: "big", max_array_size: 1001 });
  assert.throws(() => parseCluster("", "look"), {
    message: "Cannot look: scontrol does not show the cluster's name and MaxArraySize",
  });
});
