/** Small disks that a test can fill, and make read-only. */
import { join } from "node:path";

export class SmallDisk implements AsyncDisposable {
  private constructor(readonly dir: string, private readonly as: readonly string[]) {}

  /** Mounts a disk in memory on an empty folder; undefined where that is not permitted. */
  static async mount(dir: string, mebibytes: number): Promise<SmallDisk | undefined> {
    await Deno.mkdir(dir, { recursive: true });
    const options = `size=${mebibytes}m,mode=777`;
    // Whoever is not root may still be allowed to ask for it.
    for (const as of [[], ["sudo", "-n"]]) {
      if (await succeeds([...as, "mount", "-t", "tmpfs", "-o", options, "tmpfs", dir])) return new SmallDisk(dir, as);
    }
    return undefined;
  }

  /** Writes until nothing more fits. */
  async fill(): Promise<void> {
    using ballast = await Deno.open(this.#ballast, { write: true, create: true, append: true });
    for (let size = 2 ** 18; size >= 1; size = Math.floor(size / 8)) {
      const bytes = new Uint8Array(size);
      try {
        for (;;) await ballast.write(bytes);
      } catch (error) {
        if (!/os error 28/.test(String(error))) throw error;
      }
    }
  }

  async empty(): Promise<void> {
    await Deno.remove(this.#ballast);
  }

  /** @throws if a file on it is open for writing */
  async setReadOnly(readOnly: boolean): Promise<void> {
    const command = [...this.as, "mount", "-o", `remount,${readOnly ? "ro" : "rw"}`, this.dir];
    if (!await succeeds(command)) throw new Error(`Cannot run '${command.join(" ")}'`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A process that has just been killed may still hold it.
    for (let attempt = 0; attempt < 50; attempt++) {
      if (await succeeds([...this.as, "umount", this.dir])) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`Cannot unmount ${this.dir}`);
  }

  get #ballast(): string {
    return join(this.dir, "ballast");
  }
}

/** Makes a folder, and what lies in it, read-only or writable for its owner. Root may write anyway. */
export async function setReadOnly(dir: string, readOnly: boolean): Promise<void> {
  for (
    const entry of [
      ".",
      ...(await Array.fromAsync(Deno.readDir(dir))).filter((e) => e.isDirectory).map((e) => e.name),
    ]
  ) {
    await Deno.chmod(join(dir, entry), readOnly ? 0o555 : 0o755);
  }
}

/** Whether small disks can be mounted here. */
export async function canMount(): Promise<boolean> {
  if (Deno.env.get("FAULTS_NO_MOUNT")) return false;
  const dir = await Deno.makeTempDir();
  try {
    await using disk = await SmallDisk.mount(dir, 1);
    return disk !== undefined;
  } finally {
    await Deno.remove(dir);
  }
}

/** From now on nothing can be written into files that this process opens, as on a full disk. */
export function fillDiskOfThisProcess(): Disposable {
  const { write } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.write = () => Promise.reject(new Error("No space left on device (os error 28)"));
  return { [Symbol.dispose]: () => void (Deno.FsFile.prototype.write = write) };
}

async function succeeds([program, ...args]: readonly string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
