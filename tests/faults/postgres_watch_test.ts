/** Who watches or trains a study whose claims a PostgreSQL server has sees them as `status` does, and goes on without the server. */
import assert from "node:assert/strict";
import { claimKey, openStudyQueue } from "../../experiments/queue/study_queue.ts";
import { overviewOf } from "../../experiments/queue/overview.ts";
import { RemainingTime } from "../../experiments/session/remaining_time.ts";
import { trainingSettings } from "../../experiments/study/training_settings.ts";
import { Follower } from "../../report/watch/follow.ts";
import { makeFollowedStudy } from "../report/watch/followed_study.ts";
import { NO_POSTGRES, PostgresServer } from "./postgres.ts";
import { until } from "./processes.ts";
import { tempFolder } from "./studies.ts";

/** Polls until something is so; what the server says comes beside. */
const untilFollower = (follower: Follower, what: string, isSo: () => boolean) =>
  until(what, async () => isSo() || (await follower.poll(), isSo()));

Deno.test("a follower sees claims on a server, and that it does not answer, without waiting for it", {
  ignore: NO_POSTGRES,
}, async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await using server = await PostgresServer.start();
  const { study, runs: [run], begin } = await makeFollowedStudy(dir), url = server.url();
  const { queue } = await openStudyQueue(study, { queue: url });
  assert.ok(await queue.claim(claimKey("01", run.key)));
  const follower = await Follower.open({ dir, experiment: "01", queue: url });
  const overview = () => follower.snapshot.overview;
  assert.deepEqual(overview().running.map(({ key }) => key), [run.key]);
  await queue.release(claimKey("01", run.key));
  await untilFollower(follower, "nothing runs", () => !overview().running.length);
  await queue.close();
  await server.stop();
  await untilFollower(follower, "the server is missed", () => overview().queue_problem !== undefined);
  await begin(run, 2);
  assert.equal((await follower.poll()).curves?.length, 1, "the study itself is still followed");
  await server.start();
  await untilFollower(follower, "the server answers", () => overview().queue_problem === undefined);
});

Deno.test(
  "a trainer tells the time left that status tells by a server, and none while it does not answer",
  { ignore: NO_POSTGRES },
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await using server = await PostgresServer.start();
    const { study, runs, write, resultOf } = await makeFollowedStudy(dir), url = server.url();
    const [done, running] = runs, claim = claimKey("01", running.key);
    await write(resultOf(done));
    const { queue } = await openStudyQueue(study, { queue: url });
    assert.ok(await queue.claim(claim));
    await queue.beat(new Map([[claim, 150]]));
    const settings = trainingSettings(study.settings, "01"), clock = () => 0;
    const trainer = new RemainingTime({ study, experiment: "01", settings, runs: () => runs, queue: url, clock });
    await trainer.look();
    const { seconds_left } = await overviewOf(dir, "01", { queue: url });
    assert.ok(seconds_left! > 0 && seconds_left! < (await overviewOf(dir, "01")).seconds_left!, "its steps are known");
    assert.equal(trainer.seconds, seconds_left);
    await queue.close();
    await server.stop();
    await trainer.look();
    assert.equal(trainer.seconds, undefined);
    await server.start();
    await trainer.look();
    assert.equal(trainer.seconds, seconds_left);
  },
);
