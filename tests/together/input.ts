import { importSuite } from "./suites.ts";

await importSuite("input");
