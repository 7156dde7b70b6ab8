/** Preloaded before a command: everything that it compiles has a fault. */
import { KERNEL_FAULTS, plantFault } from "./kernel_faults.ts";

plantFault(KERNEL_FAULTS["a bias that is read one column off"]);
