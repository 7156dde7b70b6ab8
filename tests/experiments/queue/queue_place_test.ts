/** Where a study's claims lie: never on a network's disk. Types of file systems are made up here; `statfs` itself tells this machine's. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { networkFileSystem } from "../../../experiments/queue/network_disk.ts";
import { nodeLocalFolder } from "../../../experiments/queue/queue_place.ts";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { claimKey, openStudyQueue, studyClaims } from "../../../experiments/queue/study_queue.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { readClaims } from "../../../experiments/queue/sqlite_queue.ts";
import { tempFolder } from "../folder.ts";

const NFS = 0x6969, EXT4 = 0xef53;

/** A study that lies on one file system, and a folder for temporary files that lies on another. */
async function begin(dir: string, types: { study?: number; temporary?: number } = {}) {
  const { study } = await initStudy({
    dir: join(dir, "study"),
    experiment: "01",
    levels: { n_layers: [1], state_size: [8] },
    seeds: 1,
  });
  const temporary = join(dir, "temporary"), [run] = await study.runs("01");
  Deno.mkdirSync(temporary);
  const typeOf = (path: string) => path.startsWith(study.dir) ? types.study ?? NFS : types.temporary ?? EXT4;
  return { study, key: claimKey("01", run.key), run, places: { temporary, typeOf } };
}

Deno.test("networkFileSystem() names those that machines share, and no other", () => {
  const named = (type: number | undefined) => networkFileSystem("/study", () => type);
  for (
    const [type, name] of [
      [NFS, "NFS"],
      [0x0bd00bd0, "Lustre"],
      [0x47504653, "GPFS"],
      [0xff534d42, "CIFS"],
      [0xfe534d42 | 0, "SMB"],
      [0x01021997, "9p"],
      [0x65735546, "FUSE, which may be a network disk"],
      [0x00c36400, "Ceph"],
      [0x19830326, "BeeGFS"],
    ] as const
  ) assert.equal(named(type), name);
  // ext4, XFS, Btrfs, ZFS, overlayfs, tmpfs, F2FS; and where nobody can tell.
  const local = [EXT4, 0x58465342, 0x9123683e, 0x2fc12fc1, 0x794c7630, 0x01021994, 0xf2f52010, undefined];
  for (const type of local) assert.equal(named(type), undefined);
});

Deno.test("networkFileSystem() takes the disk of these tests for this machine's", async () => {
  await using temp = await tempFolder();
  assert.equal(networkFileSystem(temp.path), undefined);
  assert.equal(networkFileSystem(join(temp.path, "none")), undefined);
  return Promise.resolve();
});

Deno.test(
  "openStudyQueue() refuses a queue on a network's disk, names the ways out, and writes nothing",
  async () => {
    await using temp = await tempFolder();
    const { study, places } = await begin(temp.path);
    await assert.rejects(openStudyQueue(study, places), {
      name: "UserError",
      message: `Cannot use ${study.queuePath}: it is on NFS, must be on a local disk, since SQLite's log is ` +
        "corrupted on a network disk; use train --shard i/K, --queue postgres://…, or --node-local for a queue of this machine only",
    });
    assert.ok(!existsSync(study.queuePath));
    assert.deepEqual([...Deno.readDirSync(places.temporary)], []);
  },
);

Deno.test("openStudyQueue() takes a share on a network's disk, and reads no database there", async () => {
  await using temp = await tempFolder();
  const { study, key, places } = await begin(temp.path);
  const { queue: other } = await openStudyQueue(study);
  assert.ok(await other.claim(key));
  const share = { experiment: "01", shard: { index: 1, count: 2 } } as const;
  // On a disk of this machine the run is left to whoever has it.
  const local = await openStudyQueue(study, { ...places, share, typeOf: () => EXT4 });
  assert.equal(await local.queue.claim(key), false);
  const { queue, owner } = await openStudyQueue(study, { ...places, share });
  assert.ok(await queue.claim(key));
  assert.deepEqual((await studyClaims(study, places).claims()).map(({ owner }) => owner), [owner]);
  await other.close();
});

Deno.test(
  "openStudyQueue() keeps a node-local queue in a folder of this user, the same for every name of the study",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { study, key, run, places } = await begin(dir), said: string[] = [];
    const link = join(dir, "link");
    Deno.symlinkSync(study.dir, link);
    const folder = nodeLocalFolder(study.dir, places);
    assert.equal(nodeLocalFolder(link, places), folder);
    assert.equal(nodeLocalFolder(relative(Deno.cwd(), study.dir), places), folder);
    assert.notEqual(nodeLocalFolder(join(dir, "other"), places), folder);
    assert.notEqual(nodeLocalFolder(study.dir, { ...places, user: 4711 }), folder);

    const onMessage = (line: string) => said.push(line), options = { ...places, nodeLocal: true, onMessage };
    const one = await openStudyQueue(study, options), two = await openStudyQueue(study, options);
    try {
      assert.ok(await one.queue.claim(key));
      assert.equal(await two.queue.claim(key), false);
      assert.equal(Deno.statSync(folder).mode! & 0o777, 0o700);
      const path = join(folder, "queue.sqlite");
      assert.deepEqual(
        new Set(said),
        new Set([
          `The queue is ${path}, for processes on this machine only: processes elsewhere would train the same runs`,
        ]),
      );
      assert.deepEqual(readClaims(path).map(({ owner }) => owner), [one.owner]);
      assert.ok(!existsSync(study.queuePath));
      // Whoever looks sees it, and attempts are the study's.
      assert.deepEqual((await studyClaims(study, places).claims()).map(({ owner }) => owner), [one.owner]);
      assert.ok(existsSync(study.attemptsFolder("01", run.key)));
    } finally {
      await one.queue.close();
      await two.queue.close();
    }
  },
);

Deno.test(
  "studyClaims() sees the claims in the study and on this machine, the one heard of last behind",
  async () => {
    await using temp = await tempFolder();
    const { study, key, places } = await begin(temp.path, { study: EXT4 });
    const inStudy = await openStudyQueue(study, places);
    const nodeLocal = await openStudyQueue(study, { ...places, nodeLocal: true });
    await inStudy.queue.claim(key);
    await nodeLocal.queue.claim(key);
    const claims = await studyClaims(study, places).claims();
    assert.deepEqual(claims.map(({ owner }) => owner), [inStudy.owner, nodeLocal.owner]);
    assert.deepEqual((await overviewOf(study.dir, "01")).running.map(({ owner }) => owner), [inStudy.owner]);
    await inStudy.queue.close();
    await nodeLocal.queue.close();
  },
);

Deno.test(
  "openStudyQueue() refuses a node-local folder that is not this user's alone, and one on the network",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { study, places } = await begin(dir), folder = nodeLocalFolder(study.dir, places);
    const refused = async (why: string, options = {}) => {
      const message = `Cannot use ${nodeLocalFolder(study.dir, { ...places, ...options })}: ${why}; remove it`;
      await assert.rejects(openStudyQueue(study, { ...places, ...options, nodeLocal: true }), {
        name: "UserError",
        message,
      });
      assert.deepEqual(await studyClaims(study, { ...places, ...options }).claims(), []);
    };
    Deno.writeTextFileSync(folder, "somebody's");
    await refused("it is not a folder");
    Deno.removeSync(folder);
    Deno.symlinkSync(study.dir, folder);
    await refused("it is not a folder");
    Deno.removeSync(folder);
    Deno.mkdirSync(folder);
    Deno.chmodSync(folder, 0o755);
    await refused("other users have access to it, must be only this user");
    await refused(`it belongs to user ${Deno.uid()}, must be this user's`, { user: 4711 });

    const typeOf = () => NFS;
    await assert.rejects(openStudyQueue(study, { ...places, typeOf, nodeLocal: true, temporary: join(dir, "none") }), {
      name: "UserError",
      message: /^Cannot make folder \S+: No such file or directory/,
    });
    Deno.removeSync(folder, { recursive: true });
    await assert.rejects(openStudyQueue(study, { ...places, typeOf, nodeLocal: true }), {
      name: "UserError",
      message: `Cannot use --node-local: ${places.temporary} is on NFS, must be on a local disk; ` +
        "set TMPDIR to a folder on one",
    });
  },
);

Deno.test(
  "openStudyQueue() refuses two places at once, and lost runs without a server, and writes nothing",
  async () => {
    await using temp = await tempFolder();
    const { study, places } = await begin(temp.path, { study: EXT4 });
    const share = { experiment: "01", shard: { index: 2, count: 3 } } as const, queue = "postgres://ann@db/sweeps";
    const wrong = [
      [
        { share, queue },
        "Cannot train share 2/3 with a queue: shares are fixed, must be a share or a queue; leave --queue or --shard out",
      ],
      [
        { share, nodeLocal: true },
        "Cannot train share 2/3 with a queue: shares are fixed, must be a share or a queue; leave --node-local or --shard out",
      ],
      [
        { queue, nodeLocal: true },
        "Cannot keep the queue on this machine: a server is named for it, must be only one of the two; leave --node-local out, or --queue and CELLSPACE_QUEUE",
      ],
      [
        { retrainLost: true },
        "Cannot train lost runs again: no server is named; name it with --queue or CELLSPACE_QUEUE",
      ],
    ] as const;
    const before = [...Deno.readDirSync(study.dir)].map(({ name }) => name).sort();
    for (const [choice, message] of wrong) {
      await assert.rejects(openStudyQueue(study, { ...places, ...choice }), { name: "UserError", message });
    }
    assert.deepEqual([...Deno.readDirSync(study.dir)].map(({ name }) => name).sort(), before);
    assert.deepEqual([...Deno.readDirSync(places.temporary)], []);
  },
);
