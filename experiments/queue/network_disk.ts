/** Whether a folder lies on a disk that machines share, where SQLite's write-ahead log is corrupted: its index is memory of one machine. */
import { statfsSync } from "node:fs";

/**
 * File systems that machines share, by the type that Linux's `statfs` has. The first ten stand in the kernel's `linux/magic.h`, OrangeFS in
 * `fs/orangefs/protocol.h`; Lustre, GPFS, BeeGFS, GFS2, PanFS and VMHGFS in coreutils' `src/stat.c`, which calls them remote. GFS2 and OCFS2 lie on
 * disks that several machines have mounted. FUSE may be a disk of this machine (NTFS) or not (sshfs, Gluster): its type does not tell.
 */
const NETWORK_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x564c, "NCP"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x00c36400, "Ceph"],
  [0x73757245, "Coda"],
  [0x01021997, "9p"],
  [0x7461636f, "OCFS2"],
  [0x20030528, "OrangeFS"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
  [0x01161970, "GFS2"],
  [0xaad7aaea, "PanFS"],
  [0xbacbacbc, "VMHGFS"],
  [0x65735546, "FUSE, which may be a network disk"],
]);

/** The type of the file system that a path lies on, as `statfs` has it; undefined where that is unknown. */
export type FileSystemType = (path: string) => number | undefined;

/** The name of the network's file system that a path lies on; undefined where it lies on a disk of this machine, or nobody can tell. */
export function networkFileSystem(path: string, typeOf: FileSystemType = typeOnLinux): string | undefined {
  const type = typeOf(path);
  // As 32 bits: some systems extend the sign.
  return type === undefined ? undefined : NETWORK_TYPES.get(type >>> 0);
}

/**
 * Elsewhere the numbers are none to go by: macOS counts its file systems in the order in which they were loaded, and Windows has none. A path there
 * counts as one on a disk of this machine.
 */
const typeOnLinux: FileSystemType = (path) => {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return statfsSync(path).type;
  } catch {
    // A program that uses this as a library may not ask; and what cannot be asked for now will say so itself.
    return undefined;
  }
};
